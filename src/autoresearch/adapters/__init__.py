"""What joins a person's script to the contract of train.py: pasted, with its calls for `script_...`."""
