"""Authlib as a program of its own, over requests or httpx2: code and PKCE, refresh, an API call,
introspection, revocation.

Usage: authlib_driver.py TRANSPORT. The app and the addresses come as one line of JSON on standard input. It answers in
lines of JSON: the address to authorize, then (once the redirected address came on standard input) what became of it.
"""

import importlib
import json
import sys

from authlib.common.security import generate_token

SETTINGS = {"trakt-api-version": "2"}


def client_class(transport):
    """Pick Authlib's client over one of its two HTTP libraries."""
    name = {"requests": "OAuth2Session", "httpx": "OAuth2Client"}[transport]
    return getattr(importlib.import_module(f"authlib.integrations.{transport}_client"), name)


def say(**data):
    """Answer the test."""
    print(json.dumps(data), flush=True)


def main(transport):
    """Walk through a whole login."""
    values = json.loads(sys.stdin.readline())
    base, token_url = values["base"], values["base"] + values["token"]
    client = client_class(transport)(
        client_id=values["client_id"],
        client_secret=values["client_secret"],
        redirect_uri=values["redirect_uri"],
        scope=values["scope"],
        code_challenge_method="S256",
        token_endpoint_auth_method=values["auth_method"],
        revocation_endpoint_auth_method=values["auth_method"],
        token_endpoint=token_url,
    )
    verifier = generate_token(48)
    address, state = client.create_authorization_url(base + values["authorize"], code_verifier=verifier)
    say(address=address)
    landed = sys.stdin.readline().strip()
    headers = SETTINGS | {"trakt-api-key": values["client_id"]}

    token = client.fetch_token(token_url, authorization_response=landed, state=state, code_verifier=verifier)
    first = client.get(base + "/users/settings", headers=headers)
    say(token=token, status=first.status_code, username=first.json()["user"]["username"])

    renewed = client.refresh_token(token_url, refresh_token=token["refresh_token"])
    second = client.get(base + "/users/settings", headers=headers)
    say(token=renewed, status=second.status_code, username=second.json()["user"]["username"])
    if values["client_secret"]:  # a public app cannot ask what a token is
        reported = client.introspect_token(base + values["introspect"], token=renewed["access_token"]).json()
        say(active=reported["active"], client_id=reported["client_id"])

    revoked = client.revoke_token(base + values["revoke"], token=renewed["access_token"])
    last = client.get(base + "/users/settings", headers=headers)
    say(revoked=revoked.status_code, status=last.status_code)


if __name__ == "__main__":
    main(*sys.argv[1:])
