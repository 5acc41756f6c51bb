"""Models that know nothing of the features, as whole train.py files: what every other score is to be read against."""
