"""Everything SQL: one model for SQLite and PostgreSQL, rows in, domain values out."""
