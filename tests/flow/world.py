"""What programs share: a store, a lock, a network that loses things, and what must never happen there.

The store keeps the two promises and no more: it saves whatever names the stored generation, so that a flow which saves
the wrong pair is seen doing it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flow.engine import Server
from traktauth.errors import StoreFailed
from traktauth.models import Record, Renewal

if TYPE_CHECKING:
    from flow.program import Program

LEASE = 30.0
UNSPENT = {"not sent", "busy", "down"}  # what may happen to a request without its getting through
LOST = {"lost before", "lost after", "500 before", "500 after", "unreadable"}


class Violation(AssertionError):
    """Something happened that must never happen."""


def must(condition, claim):
    if not condition:
        raise Violation(claim)


@dataclass
class Sending:
    """A refresh token on its way, and what its sender has learned of it."""

    generation: int
    unspent: bool = False


@dataclass
class World:
    """What all programs share; `leases` says whether the lock is one, or one of a file that only its holder frees."""

    leases: bool = False
    server: Server = field(default_factory=Server)
    record: Record = field(default_factory=Record)
    steady: float = 5000.0
    full: bool = False  # the disk
    holder: Program | None = None
    held_since: float = 0.0
    fates: list = field(default_factory=list)
    sendings: dict = field(default_factory=dict)  # refresh token to its sendings
    pairs: dict = field(default_factory=dict)  # refresh token to its pair, as it was saved
    saved: set = field(default_factory=set)

    def pass_by(self, seconds):
        self.steady += seconds
        self.server.now += seconds

    # ---------------------------------------------------------------- the store
    def write(self, record):
        if self.full:
            raise StoreFailed("No space left on device")
        must(record.generation >= self.record.generation, "the generation only grows")
        self.record = record

    def begin(self, program, generation, attempt):
        last = self.record.renewal.attempt if self.record.renewal else 0
        if self.record.token is None or not self.record.renewable or generation != self.record.generation:
            return False
        if attempt != last + 1:
            return False
        self.write(replace(self.record, renewal=Renewal(generation, attempt, program.wall, program.name)))
        return True

    def cancel(self, generation, attempt, before):
        renewal = self.record.renewal
        if renewal is not None and (renewal.generation, renewal.attempt) == (generation, attempt):
            self.write(replace(self.record, renewal=before))

    def save(self, program, token, after):
        if self.record.generation != after:
            return False
        stored, new = self.record.token, self.server.chains[token.access_token]
        if stored is not None and new[0] != new[1]:  # the first pair of a sign-in may replace any
            old = self.server.chains[stored.access_token]
            must(old[0] == new[0] and old[1] < new[1], "no saved pair is replaced by an older one")
        self.write(Record(token.generation, token, saved_at=program.wall))
        must(token.generation > after, "the generation grows with each pair")
        self.pairs[token.refresh_token] = token
        self.saved.add(token.access_token)
        return True

    def mark(self, generation, why):
        if self.record.generation == generation and self.record.token is not None:
            self.write(replace(self.record, renewable=why is None, why_not=why))

    def forget(self, program, generation):
        must(program.kind == "sign out", "only a sign-out forgets")
        if self.record.generation == generation:
            token = self.record.token
            must(
                token is None or not self.server.alive(token.access_token), "nothing is forgotten before it is revoked"
            )
            self.write(Record(generation))

    # ---------------------------------------------------------------- the lock
    def take(self, program):
        over = self.leases and self.steady - self.held_since > LEASE
        if self.holder is not None and not over:
            return False
        self.holder, self.held_since = program, self.steady
        return True

    def release(self, program):
        if self.holder is program:
            self.holder = None

    # ---------------------------------------------------------------- the network
    def send(self, program, request):
        """Send a request now; return its fate and what the server answered, if it was asked."""
        fate = self.fates.pop(0) if self.fates else "arrives"
        body = json.loads(request.body)
        if body.get("grant_type") == "refresh_token":
            self.note_sending(program, body["refresh_token"])
        if fate in UNSPENT | {"lost before", "500 before"}:
            return fate, None
        return fate, self.server.answer(request.url, body)

    def note_sending(self, program, refresh_token):
        earlier = self.sendings.setdefault(refresh_token, [])
        doubtful = [sending for sending in earlier if not sending.unspent]
        if doubtful and not program.may_resend:
            must(program.lost_reply == "last-attempt", "under `sign-in` a refresh token is never sent again")
            must(
                program.latest >= self.pairs[refresh_token].expires_at,
                "nothing is sent again while the access token lives",
            )
            must(len(doubtful) == 1, "one last attempt is made, whoever makes it")
        stored, number = self.record.token, int(refresh_token.removeprefix("refresh-"))
        if stored is not None:
            sent, newest = self.server.chains[f"access-{number}"], self.server.chains[stored.access_token]
            must(sent[0] != newest[0] or sent[1] == newest[1], "a refresh token is not sent after its successor came")
        program.sending = Sending(self.pairs[refresh_token].generation)
        earlier.append(program.sending)
