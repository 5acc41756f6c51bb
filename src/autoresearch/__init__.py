"""Machine-learning research on tables that runs by itself and can be believed."""
