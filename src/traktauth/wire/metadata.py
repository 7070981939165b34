"""A server's description of itself (RFC 8414), as far as a sign-in needs it."""

from __future__ import annotations

from dataclasses import dataclass

from traktauth.protocol import Service
from traktauth.wire.headers import USER_AGENT
from traktauth.wire.messages import Request, Response

OK = 200


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a server says of itself.

    Attributes:
        issuer: its name, which its responses carry as `iss`.
        names_issuer: whether each of its responses carries it (RFC 9207).
    """

    issuer: str | None = None
    names_issuer: bool = False


def build_metadata_request(service: Service) -> Request:
    """Build the request for a base address's description."""
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    return Request("GET", f"{service.website}/.well-known/oauth-authorization-server", headers)


def parse_metadata(response: Response) -> Metadata:
    """Read the description; a server without one says nothing."""
    document = response.document() if response.status == OK else {}
    issuer = document.get("issuer")
    return Metadata(
        issuer if isinstance(issuer, str) else None,
        document.get("authorization_response_iss_parameter_supported") is True,
    )
