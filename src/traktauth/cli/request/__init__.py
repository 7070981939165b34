"""Implement `traktauth request`: call the API as an account."""
