"""The ID token for the scope `openid` (OpenID Connect Core section 2).

Signed with EdDSA, as better-auth does, if the package `cryptography` is installed; its public key is then published.
Without it, HS256 under the client's own secret, and none for a client without one, as nothing could verify it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from traktauth.server.oauth.request import TokenRequest
from traktauth.server.storage.repositories import Repositories

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME = 36000  # seconds; better-auth's default
SETTING = "identity key"
HAS_EDDSA = find_spec("cryptography") is not None


def id_token(request: TokenRequest, *, user: int, nonce: str) -> str | None:
    """Return an ID token for the request's client; None if it could not be verified."""
    client = request.client
    if not HAS_EDDSA and not client.secret:
        return None
    now = int(request.now)
    claims: dict[str, Any] = {"iss": request.policy.issuer, "sub": str(user), "aud": client.client_id}
    claims |= {"iat": now, "exp": now + LIFETIME, **({"nonce": nonce} if nonce else {})}
    seed = bytes.fromhex(_seed(request.db))
    header = {"alg": "EdDSA", "kid": _key_id(seed)} if HAS_EDDSA else {"alg": "HS256", "typ": "JWT"}
    text = f"{_encode_json(header)}.{_encode_json(claims)}"
    signature = (
        _private_key(seed).sign(text.encode())
        if HAS_EDDSA
        else hmac.new((client.secret or "").encode(), text.encode(), hashlib.sha256).digest()
    )
    return f"{text}.{_encode(signature)}"


def published_keys(db: Repositories) -> dict[str, Any]:
    """Return the key set that ID tokens can be verified with (RFC 8037), empty if none was signed with one."""
    stored = db.settings.get(SETTING)
    if not HAS_EDDSA or stored is None:
        return {"keys": []}
    seed = bytes.fromhex(stored)
    public = _private_key(seed).public_key().public_bytes_raw()
    return {"keys": [{"alg": "EdDSA", "crv": "Ed25519", "x": _encode(public), "kty": "OKP", "kid": _key_id(seed)}]}


def _seed(db: Repositories) -> str:
    seed = db.settings.get(SETTING)
    if seed is None:
        seed = secrets.token_hex(32)
        db.settings.set(SETTING, seed)
    return seed


def _private_key(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - optional

    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def _key_id(seed: bytes) -> str:
    return hashlib.sha256(b"kid" + seed).hexdigest()[:16]


def _encode_json(value: dict[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
