"""Choices for the features slot."""
