"""Replies for tests, short to write."""

from __future__ import annotations

import json

from traktauth.wire.messages import Response

HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"


def reply(status, body=b"", **headers):
    """A reply; a dict is sent as JSON, and `retry_after=` becomes `retry-after`."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def refused(status, error, description=""):
    """A refusal in OAuth's own form."""
    return reply(status, {"error": error, "error_description": description})


# Recorded from Doorkeeper 5.6.6.
DEAD_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client."
)
UNKNOWN_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)
