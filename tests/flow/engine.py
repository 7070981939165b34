"""One user's tokens at one server, by the rules of profile `current`, written from them and not from the package."""

from __future__ import annotations

from itertools import count

from flow.givens import LIFE, NOW, refused, reply


class Server:
    """One user's tokens for one app: a used refresh token that comes again ends all of them."""

    def __init__(self):
        self.now = NOW
        self.numbers = count(1)
        self.refresh_tokens = {}  # to [pair, state]
        self.access_tokens = {}  # to [pair, end]
        self.chains = {}  # access token to (sign-in, number in its chain)
        self.replays = 0

    def mint(self, chain=None):
        number = next(self.numbers)
        pair = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
        self.refresh_tokens[pair["refresh_token"]] = [number, "active"]
        self.access_tokens[pair["access_token"]] = [number, self.now + LIFE]
        self.chains[pair["access_token"]] = (chain or number, number)
        return reply(200, {**pair, "token_type": "Bearer", "expires_in": LIFE, "scope": "public"})

    def alive(self, access_token):
        return self.access_tokens.get(access_token, [0, 0])[1] > self.now

    def answer(self, path, body):
        if path.endswith("/oauth/revoke"):
            return self.revoke(body["token"])
        if body["grant_type"] == "authorization_code":
            return self.mint()
        known = self.refresh_tokens.get(body["refresh_token"])
        if known is None:
            return refused(400, "invalid_grant", "session not found")
        if known[1] != "active":
            self.end_everything()
            return refused(400, "invalid_grant", "invalid refresh token")
        known[1] = "used"
        return self.mint(self.chains[f"access-{known[0]}"][0])

    def revoke(self, token):
        known = self.refresh_tokens.get(token)
        if known is not None and known[1] == "active":
            known[1] = "revoked"
            self.access_tokens.pop(f"access-{known[0]}", None)
            return reply(200, b"{}")
        if known is not None:
            self.end_everything()
        elif self.access_tokens.pop(token, None):
            return reply(200, b"{}")
        return refused(400, "invalid_request", "token not found")

    def end_everything(self):
        self.replays += 1
        self.refresh_tokens.clear()
        self.access_tokens.clear()
