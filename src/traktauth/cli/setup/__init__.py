"""Implement `traktauth setup`: ask for the app and write the configuration file."""
