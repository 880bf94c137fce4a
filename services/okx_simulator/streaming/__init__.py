"""WebSocket: connections, sessions, channels, and what is pushed to whom."""
