"""Id tokens: signed so that an app can check them."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from server.conftest import CALLBACK, CHALLENGE, VERIFIER
from traktauth.server.oauth import id_token

S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def tokens_of(client, app="first"):
    code = client.code(app, scope="openid public offline_access", nonce="n-1", **S256)
    members = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    members |= {"client_id": f"{app}-app", **({"client_secret": "first-secret"} if app == "first" else {})}
    return client.form("/api/auth/oauth2/token", **members).json


@pytest.mark.parametrize("app", ["first", "public"])
def test_an_id_token_can_be_checked_with_the_published_key(current, app):
    token = tokens_of(current, app)["id_token"]
    header, claims, signature = token.split(".")
    key = current.get("/api/auth/jwks").json["keys"][0]
    assert json.loads(decoded(header)) == {"alg": "EdDSA", "kid": key["kid"]}
    Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(decoded(signature), f"{header}.{claims}".encode())
    message = json.loads(decoded(claims))
    assert (message["iss"], message["aud"], message["nonce"]) == (current.url, f"{app}-app", "n-1")
    assert current.get("/.well-known/openid-configuration").json["jwks_uri"] == f"{current.url}/api/auth/jwks"


def test_without_the_package_the_apps_secret_signs(current, monkeypatch):
    monkeypatch.setattr(id_token, "HAS_EDDSA", False)
    header, claims, signature = tokens_of(current)["id_token"].split(".")
    assert json.loads(decoded(header))["alg"] == "HS256"
    assert hmac.digest(b"first-secret", f"{header}.{claims}".encode(), "sha256") == decoded(signature)
    assert "id_token" not in tokens_of(current, "public")
    assert current.get("/api/auth/jwks").json == {"keys": []}
