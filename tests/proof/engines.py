"""One user's tokens at one server, by each engine's rule, written from what was measured and not from any client."""

from __future__ import annotations

from itertools import count

from flow.setup import LIFE, NOW, refused, reply

ACTIVE, USED, REVOKED = "active", "used", "revoked"


class Pair:
    """An access token and its refresh token; `chain` is the sign-in that it comes from."""

    def __init__(self, number, chain, end):
        self.number, self.chain, self.end = number, chain or number, end
        self.access, self.refresh = f"access-{number}", f"refresh-{number}"
        self.state = ACTIVE  # of the refresh token
        self.dead = False  # the access token
        self.before = None  # the pair that it came from

    @property
    def order(self):
        return self.chain, self.number


class Engine:
    """What all rules have in common: signing in, refreshing, revoking. `replays` counts what ended everything."""

    name = ""

    def __init__(self):
        self.now = NOW
        self.numbers = count(1)
        self.pairs = {}  # by access and by refresh token; what an engine has forgotten is not `known`
        self.known = {}
        self.replays = 0

    def mint(self, before=None):
        pair = Pair(next(self.numbers), before and before.chain, self.now + LIFE)
        pair.before = before
        for secret in (pair.access, pair.refresh):
            self.pairs[secret] = self.known[secret] = pair
        return pair

    def alive(self, access):
        pair = self.known.get(access)
        return pair is not None and not pair.dead and pair.end > self.now

    def refreshable(self, refresh):
        pair = self.known.get(refresh)
        return pair is not None and pair.state == ACTIVE

    def use(self, access):
        """Answer an API call: whether the token is taken."""
        return self.alive(access)

    def answer(self, path, body):
        if path.endswith("/oauth/revoke"):
            return self.revoke(body["token"])
        if body["grant_type"] == "authorization_code":
            return self.granted(self.mint())
        pair = self.known.get(body["refresh_token"])
        return refused(400, "invalid_grant", "session not found") if pair is None else self.refresh(pair)

    def granted(self, pair):
        body = {"access_token": pair.access, "refresh_token": pair.refresh}
        return reply(200, {**body, "token_type": "Bearer", "expires_in": LIFE, "scope": "public"})

    def refresh(self, pair):
        raise NotImplementedError

    def revoke(self, token):
        raise NotImplementedError

    def end_everything(self):
        """End the user's tokens of every device."""
        self.known.clear()


class Family(Engine):
    """A used or revoked refresh token that comes again, to be used or revoked, ends all of its user's tokens."""

    name = "family"

    def refresh(self, pair):
        if pair.state != ACTIVE:
            return self.replay(refused(400, "invalid_grant", "invalid refresh token"))
        pair.state = USED
        return self.granted(self.mint(pair))

    def revoke(self, token):
        pair = self.known.get(token)
        unknown = refused(400, "invalid_request", "token not found")
        if pair is None:
            return unknown
        if token == pair.access:  # its refresh token lives on
            self.known.pop(token)
            return reply(200, b"{}")
        if pair.state != ACTIVE:
            return self.replay(unknown)
        pair.state = REVOKED
        self.known.pop(pair.access, None)
        return reply(200, b"{}")

    def replay(self, answer):
        self.replays += 1
        self.end_everything()
        return answer


class Once(Engine):
    """A used refresh token, and its access token, are dead at once; anyone who sends it again is refused, no more."""

    name = "once"

    def refresh(self, pair):
        if pair.state != ACTIVE:
            return refused(400, "invalid_grant", "The provided authorization grant is invalid")
        pair.state, pair.dead = USED, True
        return self.granted(self.mint(pair))

    def revoke(self, token):
        pair = self.known.get(token)
        if pair is not None:
            pair.state, pair.dead = REVOKED, True
        return reply(200, b"{}")


class UntilUsed(Once):
    """A used refresh token stays good, and its access token too, until the new access token is first used."""

    name = "until-used"

    def refresh(self, pair):
        if pair.state != ACTIVE:
            return refused(400, "invalid_grant", "The provided authorization grant is invalid")
        return self.granted(self.mint(pair))

    def use(self, access):
        taken = self.alive(access)
        before = self.pairs[access].before if taken else None
        if before is not None:
            before.state, before.dead = USED, True
        return taken


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (Family, Once, UntilUsed)}
