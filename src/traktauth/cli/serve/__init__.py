"""Implement `traktauth serve`: run a local Trakt and show its requests."""
