"""Apertium's API."""
