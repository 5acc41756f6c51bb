"""Choices for the preprocessing slot."""
