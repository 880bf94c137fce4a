"""Rehearse the whole path of a trade on this machine, then audit it."""
