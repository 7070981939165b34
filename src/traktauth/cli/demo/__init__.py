"""Implement `traktauth demo`: a sign-in against a local Trakt, step by step."""
