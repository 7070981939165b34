"""Implement `traktauth login`: the command, what it shows, and how it resumes."""
