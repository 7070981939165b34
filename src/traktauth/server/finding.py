"""Find what a carried string belongs to: by its row's number, then by hash.

What has been killed with its family is not found, as the engine measured deletes it.

Whoever finds a code holds the consent that stands behind it as well, whether there is one or not: issuing tokens for a
code and ending an app's codes with its consent come one after the other, whatever either does in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.strings import is_of, row_of

if TYPE_CHECKING:
    from traktauth.server.storage.records import Code, Device, Pair, Session
    from traktauth.server.storage.tables import Tables


def pair_of_access(tables: Tables, token: str) -> Pair | None:
    """Give the pair with this access token, ended, expired or not."""
    pair = _pair(tables, token)
    return pair if pair is not None and is_of(token, pair.access_hash) else None


def pair_of_refresh(tables: Tables, token: str) -> Pair | None:
    """Give the pair with this refresh token, ended, expired or not."""
    pair = _pair(tables, token)
    return pair if pair is not None and is_of(token, pair.refresh_hash) else None


def code_of(tables: Tables, code: str) -> Code | None:
    """Give an authorization code, spent, expired or not."""
    row = row_of(code)
    found = tables.codes.numbered(row) if row else None
    if found is None or not is_of(code, found.hash):
        return None
    tables.apps.consent(found.app, found.person)
    return found


def device_of(tables: Tables, device_code: str) -> Device | None:
    """Give a device code, used, expired or not."""
    row = row_of(device_code)
    found = tables.devices.numbered(row) if row else None
    if found is None or not is_of(device_code, found.hash):
        return None
    if found.person is not None:
        tables.apps.consent(found.app, found.person)
    return found


def session_of(tables: Tables, carried: str, *, now: float) -> Session | None:
    """Give the session that a cookie belongs to, if it has not expired."""
    row = row_of(carried)
    found = tables.people.session(row) if row else None
    return found if found is not None and is_of(carried, found.hash) and found.expires > now else None


def _pair(tables: Tables, token: str) -> Pair | None:
    row = row_of(token)
    pair = tables.pairs.numbered(row) if row else None
    return pair if pair is not None and pair.in_family else None
