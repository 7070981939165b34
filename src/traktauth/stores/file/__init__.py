"""Tokens in a JSON file, the default store."""
