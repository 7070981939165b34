"""Implement `traktauth keep`: run a keeper and report what it does."""
