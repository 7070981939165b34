"""Device codes: requested, polled, and decided by the user (RFC 8628)."""
