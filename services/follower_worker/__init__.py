"""Copies trade events: reads once, holds lanes, plans, submits, settles, commits."""
