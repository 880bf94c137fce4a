"""Lets operators in: enrols accounts and changes subscriptions, by command."""
