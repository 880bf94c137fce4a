"""A paper OKX on the venue's wire format: REST, OAuth, WebSocket, and a control door to rehearse what can go wrong."""
