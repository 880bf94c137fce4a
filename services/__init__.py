"""Processes; they stand on shared and never import one another."""
