"""Rows as OKX documents them, member by member, made from what the venue holds."""
