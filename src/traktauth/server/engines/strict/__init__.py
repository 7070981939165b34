"""The rules of the RFCs that Trakt does not apply (`--strict`)."""
