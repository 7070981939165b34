"""Doorkeeper's errors, with its sentences."""

from __future__ import annotations

NO_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)
MISSING = (400, "invalid_request", "Missing required parameter: {}.")
BAD_CLIENT = (401, "invalid_client", NO_CLIENT)
BAD_GRANT = (
    400,
    "invalid_grant",
    (
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the "
        "authorization request, or was issued to another client."
    ),
)
BAD_SCOPE = (400, "invalid_scope", "The requested scope is invalid, unknown, or malformed.")
NOT_AUTHORIZED = (403, "unauthorized_client", "You are not authorized to revoke this token")
