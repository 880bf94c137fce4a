"""Secrets: a type that does not leak, and sealing at rest."""
