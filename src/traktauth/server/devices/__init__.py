"""Device codes: asked for, polled, approved or denied (RFC 8628)."""
