"""Apps, users, codes and tokens in any order, held against a small model of each profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from server.conftest import APPS

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(["first", "second"])
USERS = st.sampled_from(["ann", "bob"])
RIGHT = st.sampled_from([True, True, True, False])
POLL_SECONDS = 6


@dataclass(eq=False)
class Pair:
    app: str
    user: str
    access: str
    refresh: str
    parent: Pair | None = None
    access_lives: bool = True
    refresh_lives: bool = True
    killed: bool = False

    def end(self) -> None:
        self.access_lives = self.refresh_lives = False


@dataclass(eq=False)
class Code:
    app: str
    user: str
    value: str
    spent: bool = False


@dataclass(eq=False)
class Device:
    app: str
    reported: dict[str, Any]
    state: str = "pending"
    user: str = ""


class Current:
    """better-auth: a failed exchange burns its code, a used refresh token kills its family, halves die apart."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    def exchange(self, code, app, *, secret, verifier):
        if code.spent:
            return 401
        code.spent = True
        return 200 if app == code.app and secret and verifier else 401

    def refresh(self, pair, app, *, secret):
        if pair.killed or app != pair.app:
            return 400
        if not pair.refresh_lives:
            self.kill(pair.app, pair.user)
            return 400
        if not secret:
            return 401
        pair.refresh_lives = False
        return 200

    def revoke_access(self, pair, app):
        if not pair.access_lives:
            return 400
        if app == pair.app:
            pair.access_lives = False
        return 200

    def revoke_refresh(self, pair, app):
        if pair.killed:
            return 400
        if not pair.refresh_lives:
            self.kill(app, pair.user)
            return 400
        if app == pair.app:
            pair.end()
        return 200

    def revoke(self, pair, app, *, half, secret):
        if not secret:
            return 401
        return self.revoke_access(pair, app) if half == "access" else self.revoke_refresh(pair, app)

    def use(self, pair):
        return 200 if pair.access_lives else 401

    def kill(self, app, user):
        for pair in self.pairs:
            if (pair.app, pair.user) == (app, user):
                pair.end()
                pair.killed = True

    def parent_of(self, pair):
        return None


class Classic(Current):
    """Doorkeeper: only success spends, a used refresh token lives until its successor is used, a pair dies together."""

    def exchange(self, code, app, *, secret, verifier):
        if not secret:
            return 401
        if code.spent or app != code.app or not verifier:
            return 400
        code.spent = True
        return 200

    def refresh(self, pair, app, *, secret):
        if not pair.refresh_lives:
            return 400
        if not secret:
            return 401
        return 200 if app == pair.app else 400

    def revoke(self, pair, app, *, half, secret):
        if not secret or app != pair.app:
            return 403
        pair.end()
        return 200

    def use(self, pair):
        if pair.parent is not None:
            pair.parent.end()
            pair.parent = None
        return super().use(pair)

    def parent_of(self, pair):
        return pair


class Machine(RuleBasedStateMachine):
    codes, pairs, devices = Bundle("codes"), Bundle("pairs"), Bundle("devices")

    def __init__(self, client, model) -> None:
        super().__init__()
        self.client, self.model = client, model
        client.control("reset")

    @rule(target=codes, app=NAMES, user=USERS)
    def sign_in(self, app, user):
        return Code(app, user, self.client.code(app, user=user))

    @rule(target=pairs, code=codes, app=NAMES, secret=RIGHT, verifier=RIGHT)
    def exchange(self, code, app, secret, verifier):
        wanted = self.model.exchange(code, app, secret=secret, verifier=verifier)
        changes = {} if verifier else {"code_verifier": "w" * 43}
        return self.issued(self.client.exchange(code.value, app, **changes, **proof(app, secret)), wanted, code)

    @rule(target=pairs, pair=pairs, app=NAMES, secret=RIGHT)
    def refresh(self, pair, app, secret):
        wanted = self.model.refresh(pair, app, secret=secret)
        reply = self.client.refresh(pair.refresh, app, **proof(app, secret))
        return self.issued(reply, wanted, pair, parent=self.model.parent_of(pair))

    @rule(target=pairs, pair=pairs)
    def renew(self, pair):
        return self.refresh(pair, pair.app, secret=True)

    @rule(pair=pairs, app=NAMES, half=st.sampled_from(["access", "refresh"]), secret=RIGHT)
    def revoke(self, pair, app, half, secret):
        wanted = self.model.revoke(pair, app, half=half, secret=secret)
        assert self.client.revoke(getattr(pair, half), app, **proof(app, secret)).status == wanted

    @rule(pair=pairs)
    def use(self, pair):
        wanted = self.model.use(pair)
        assert self.client.use(pair.access, pair.app) == wanted

    @rule(target=devices, app=NAMES)
    def ask(self, app):
        return Device(app, self.client.post("/oauth/device/code", client_id=APPS[app].client_id).json)

    @rule(device=devices, user=USERS, decision=st.sampled_from(["approve", "deny"]))
    def answer(self, device, user, decision):
        if device.state == "pending":
            code = device.reported["user_code"]
            self.client.control("device", user_code=code, username=user, decision=decision)
            device.state, device.user = {"approve": "approved", "deny": "denied"}[decision], user

    @rule(target=pairs, device=devices, secret=RIGHT)
    def poll(self, device, secret):
        self.client.control("clock", advance=POLL_SECONDS)
        wanted = {"pending": 400, "approved": 200, "denied": 418, "used": 409, "told": 404}[device.state]
        members = {**APPS[device.app].credentials, **proof(device.app, secret)}
        reply = self.client.post("/oauth/device/token", code=device.reported["device_code"], **members)
        if secret:
            device.state = {"approved": "used", "denied": "told"}.get(device.state, device.state)
        return self.issued(reply, wanted if secret else 401, device)

    @rule(pair=consumes(pairs))
    def forget(self, pair):
        """Lose a login without a word, as people do."""

    @invariant()
    def as_many_live_as_the_model_says(self):
        alive = self.client.ledger()["alive"]
        assert alive == {
            "access": sum(pair.access_lives for pair in self.model.pairs),
            "refresh": sum(pair.refresh_lives for pair in self.model.pairs),
        }

    def issued(self, reply, wanted, source, parent=None):
        assert reply.status == wanted, (reply.text, wanted)
        if wanted != 200:
            return multiple()
        pair = Pair(source.app, source.user, reply.json["access_token"], reply.json["refresh_token"], parent)
        self.model.pairs.append(pair)
        return pair


def proof(app, right):
    return {} if right else {"client_secret": f"not {APPS[app].client_secret}"}


MODELS = {"current": Current, "classic": Classic}


def explore(client, profile, *, examples, steps=40):
    """Run so many made-up scenarios against a server, and raise an error where it differs from the model."""
    looked = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Machine(client, MODELS[profile]()), settings=looked)


@pytest.mark.parametrize("profile", MODELS)
def test_the_server_answers_made_up_scenarios_as_the_model_does(start, profile):
    explore(start(profile=profile), profile, examples=60)
