"""Trakt: *Exchange code for access_token*. What is given for a code whose checks have held (RFC 6749 section 4.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.grants.identity import id_token
from traktauth.server.grants.issue import Holder, Issued, issue

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt

OFFLINE = "offline_access"
OPENID = "openid"


def pair_for_code(attempt: Attempt) -> Issued:
    """Issue a pair for a code; a refresh token comes with every one."""
    return _issued(attempt, renewable=True)


def pair_for_code_by_scope(attempt: Attempt) -> Issued:
    """Issue a pair for a code; a refresh token only for `offline_access`, an id token for `openid`."""
    issued = _issued(attempt, renewable=OFFLINE in attempt.scope.split())
    code = attempt.code
    if code is None or attempt.app is None or OPENID not in attempt.scope.split():
        return issued
    return issued._replace(id_token=id_token(attempt, attempt.app, person=code.person, nonce=code.nonce))


def _issued(attempt: Attempt, *, renewable: bool) -> Issued:
    code = attempt.code
    if code is None:
        raise RuntimeError("a check that finds the code is missing from the list")
    holder = Holder(code.app, code.person, code.session, attempt.scope, renewable)
    row, issued = issue(attempt, holder)
    attempt.tables.codes.yielded(code.id, row)
    return issued
