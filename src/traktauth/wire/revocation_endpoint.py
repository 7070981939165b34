"""The revocation endpoint (RFC 7009): revoke a token, and read what comes back."""

from __future__ import annotations

from http import HTTPStatus

from traktauth.models import App
from traktauth.protocol import REVOKE, Service
from traktauth.wire.error_responses import error_code, error_from_response
from traktauth.wire.messages import Request, Response, post_json


def build_revocation_request(service: Service, app: App, token: str) -> Request:
    """Build a request. Trakt: *Revoke an access_token*. Trakt's engine fails on a wrong hint: none is sent."""
    return post_json(service.token + REVOKE, token=token, client_id=app.client_id, client_secret=app.client_secret)


def parse_revocation(response: Response) -> None:
    """Read the response to a revocation; a token that the service does not know counts as revoked.

    Raises:
        TraktAuthError: by what the caller does next, where nothing was revoked.
    """
    description = response.document().get("error_description")
    unknown = (
        response.status == HTTPStatus.BAD_REQUEST
        and error_code(response) == "invalid_request"
        and description == "token not found"
    )  # better-auth's
    if response.status != HTTPStatus.OK and not unknown:
        raise error_from_response(response, what="a revocation")
