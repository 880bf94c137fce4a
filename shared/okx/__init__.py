"""Everything OKX: its wire format, the ways out to it, and clients in our words."""
