"""Implement `traktauth store`: one module for each subcommand."""
