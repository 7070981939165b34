"""A token for the app itself, without a user (RFC 6749 section 4.4).

Doorkeeper gives one. It opens nothing here that belongs to a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.grants.issue import Holder, Issued, issue

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt

NOBODY = 0


def token_for_app(attempt: Attempt) -> Issued:
    """Issue an access token that belongs to nobody."""
    if attempt.app is None:
        raise RuntimeError("a check that finds the app is missing from the list")
    return issue(attempt, Holder(attempt.app.id, NOBODY, None, attempt.scope, renewable=False))[1]
