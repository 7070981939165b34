"""Implement `traktauth help`, and format the help of every command."""
