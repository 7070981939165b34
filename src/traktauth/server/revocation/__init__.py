"""Trakt: *Revoke an access_token*, in the two ways that engines do it."""
