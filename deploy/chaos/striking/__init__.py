"""How each kind of fault is done to the services, the server and the venue."""
