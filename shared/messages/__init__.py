"""What crosses Redis, as plain JSON any client can read."""
