"""What joins a person's script to the contract of train.py: pasted as they stand, `script_...` replaced by its calls."""
