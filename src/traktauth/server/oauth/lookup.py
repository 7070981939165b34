"""Find codes and sessions: by the row id in them, then by hash.

Looking up a code also locks the consent for it, if there is one: issuing tokens for a code, and revoking a client's
codes with its consent, run one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.tokens import row_id, verify_token

if TYPE_CHECKING:
    from traktauth.server.storage.models import Code, DeviceCode, Session
    from traktauth.server.storage.repositories import Repositories


def find_code(db: Repositories, code: str) -> Code | None:
    """Return an authorization code, also if it is spent or has expired."""
    row = row_id(code)
    found = db.codes.get(row) if row else None
    if found is None or not verify_token(code, found.hash):
        return None
    db.clients.consent(found.client, found.user_id)
    return found


def find_device_code(db: Repositories, device_code: str) -> DeviceCode | None:
    """Return a device code, also if it is used or has expired."""
    row = row_id(device_code)
    found = db.device_codes.get(row) if row else None
    if found is None or not verify_token(device_code, found.hash):
        return None
    if found.user_id is not None:
        db.clients.consent(found.client, found.user_id)
    return found


def find_session(db: Repositories, cookie: str, *, now: float) -> Session | None:
    """Return the session that a cookie belongs to, if it has not expired."""
    row = row_id(cookie)
    found = db.users.session(row) if row else None
    return found if found is not None and verify_token(cookie, found.hash) and found.expires > now else None
