"""The real services under fire: seeded faults, an audit of what reached the venue, and the proof's figures."""
