"""Decisions: values in, values out; nothing here reads a clock, a socket or a setting."""
