"""The grants: what is issued once a token request has passed its checks."""
