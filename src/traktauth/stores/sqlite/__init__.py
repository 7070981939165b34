"""Tokens in an SQLite database: one file, for this user alone, safe between threads and processes."""
