"""Webhooks: what happened, told to a partner's platform, at least once and signed."""
