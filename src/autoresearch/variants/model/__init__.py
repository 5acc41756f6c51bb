"""Choices for the model slot."""
