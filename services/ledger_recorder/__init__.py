"""Writes what happened into the ledger; sees no token and cannot trade."""
