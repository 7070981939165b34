"""What `traktauth token` and `traktauth refresh` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.cli.output import print_data, print_json

if TYPE_CHECKING:
    from traktauth.models import Token


def print_token(token: Token, *, as_json: bool) -> None:
    """Print an access token, or its members as JSON."""
    if not as_json:
        print_data(token.access_token)
        return
    print_json(
        {
            "access_token": token.access_token,
            "token_type": token.token_type,
            "expires_at": token.expires_at,
            "expires_in": token.expires_in,
            "created_at": token.created_at,
            "scope": token.scope,
            "generation": token.generation,
        }
    )
