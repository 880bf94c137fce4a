"""The only refresher of every grant: before it dies, once, stored before anyone uses it."""
