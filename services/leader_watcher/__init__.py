"""Sees what leaders do and publishes it once."""
