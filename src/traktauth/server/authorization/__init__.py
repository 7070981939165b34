"""Trakt: *Authorize Application*: from an authorization request to a code, a page, or an error at the client."""
