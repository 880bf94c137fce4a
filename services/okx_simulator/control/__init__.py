"""The door for rehearsals: make accounts, move markets, plant faults, read the evidence."""
