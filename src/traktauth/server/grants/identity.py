"""The id token that `openid` asks for (OpenID Connect Core section 2).

It is signed with HS256 under the app's own secret, which needs no key to be published; an app without a readable secret
gets none, as nobody could check it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import App

LIFE = 36000  # seconds; better-auth's default
HEADER: dict[str, object] = {"alg": "HS256", "typ": "JWT"}


def id_token(attempt: Attempt, app: App, *, person: int, nonce: str) -> str | None:
    """Say who signed in, for an app; None where it has no secret to check the signature with."""
    if not app.secret:
        return None
    now = int(attempt.now)
    claims: dict[str, object] = {"iss": attempt.terms.issuer, "sub": str(person), "aud": app.client_id}
    claims |= {"iat": now, "exp": now + LIFE, **({"nonce": nonce} if nonce else {})}
    text = f"{_part(HEADER)}.{_part(claims)}"
    signature = hmac.new(app.secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_encoded(signature)}"


def _part(value: dict[str, object]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
