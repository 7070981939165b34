"""The id token that `openid` asks for (OpenID Connect Core section 2).

Signed with EdDSA, as better-auth does, where the package `cryptography` is installed; its public key is then published.
Without it, HS256 under the app's own secret, and none for an app without one, as nobody could check it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt
    from traktauth.server.storage.records import App
    from traktauth.server.storage.tables import Tables

LIFE = 36000  # seconds; better-auth's default
KEY = "identity key"
SIGNS = find_spec("cryptography") is not None


def id_token(attempt: Attempt, app: App, *, person: int, nonce: str) -> str | None:
    """Say who signed in, for an app; None where it could not be checked."""
    if not SIGNS and not app.secret:
        return None
    now = int(attempt.now)
    claims: dict[str, Any] = {"iss": attempt.terms.issuer, "sub": str(person), "aud": app.client_id}
    claims |= {"iat": now, "exp": now + LIFE, **({"nonce": nonce} if nonce else {})}
    seed = bytes.fromhex(_seed(attempt.tables))
    header = {"alg": "EdDSA", "kid": _name(seed)} if SIGNS else {"alg": "HS256", "typ": "JWT"}
    text = f"{_part(header)}.{_part(claims)}"
    signature = (
        _signed(seed, text.encode())
        if SIGNS
        else hmac.new((app.secret or "").encode(), text.encode(), hashlib.sha256).digest()
    )
    return f"{text}.{_encoded(signature)}"


def published_keys(tables: Tables) -> dict[str, Any]:
    """Give the key set that id tokens can be checked with (RFC 8037), empty where none is used."""
    kept = tables.upkeep.setting(KEY)
    if not SIGNS or kept is None:
        return {"keys": []}
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - optional

    seed = bytes.fromhex(kept)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"keys": [{"alg": "EdDSA", "crv": "Ed25519", "x": _encoded(public), "kty": "OKP", "kid": _name(seed)}]}


def _seed(tables: Tables) -> str:
    return tables.upkeep.setting(KEY) or tables.upkeep.settled(KEY, secrets.token_hex(32))


def _signed(seed: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - optional

    return Ed25519PrivateKey.from_private_bytes(seed).sign(data)


def _name(seed: bytes) -> str:
    return hashlib.sha256(b"kid" + seed).hexdigest()[:16]


def _part(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
