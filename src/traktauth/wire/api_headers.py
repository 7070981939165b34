"""The header fields that every request of Trakt's API has."""

from __future__ import annotations

from traktauth.protocol import API_VERSION


def api_headers(client_id: str) -> dict[str, str]:
    """Return the fields that name the app and the API's version (Trakt: *Required Headers*)."""
    return {"trakt-api-key": client_id, "trakt-api-version": API_VERSION}
