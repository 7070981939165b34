"""Limits on requests: rate limits, and protection against guessing."""
