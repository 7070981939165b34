"""What the doors at Trakt's documented paths have in common, whichever engine stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.http.answers import NO_STORE, Answer, Prepared, without_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.server.grants.issue import Issued

MEDIA = {"content-type": "application/json; charset=utf-8"}
uncached = Prepared(200, {**NO_STORE, **MEDIA})


class NoText(Exception):
    """A list or an object stands where a text belongs.

    Attributes:
        name: the parameter.
        value: what stands there.
    """

    def __init__(self, name: str, value: object) -> None:
        super().__init__(name)
        self.name, self.value = name, value


def texts(members: Mapping[str, Any], known: frozenset[str]) -> dict[str, str]:
    """Give an object's members as texts; null is as good as absent.

    Args:
        members: the object's.
        known: the names that mean something; under any other name anything may stand.

    Raises:
        NoText: a list or an object stands where a text belongs.
    """
    said: dict[str, str] = {}
    for name, value in members.items():
        if isinstance(value, bool):
            said[name] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            said[name] = str(value)
        elif value is not None and name in known:
            raise NoText(name, value)
    return said


def tokens(issued: Issued, token_type: str) -> Answer:
    """Write tokens with the members that Trakt's documentation has (*Exchange code for access_token*)."""
    members: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": token_type,
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh_token,
        "scope": issued.scope,
        "created_at": issued.created_at,
    }
    return uncached(members if issued.refresh_token else without_nothing(members))
