"""Who may come in and how often: bearer tokens, API keys, rate limits."""
