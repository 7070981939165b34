"""Tokens in PostgreSQL: for programs on many machines, and for fleets."""
