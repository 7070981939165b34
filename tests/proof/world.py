"""What simulated programs share: a store, a lock, a network that loses things; and what must never happen there.

The steps from record to record are the real ones (`traktauth.stores.transitions`); the engines are models of their
own. Every claim is made where its violation would be seen.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flow.givens import reply
from proof.engines import Family
from traktauth.errors import StoreFailed
from traktauth.flow.effects import NoReply
from traktauth.models import Record
from traktauth.stores import transitions

if TYPE_CHECKING:
    from proof.program import Program
    from traktauth.models import Token

LEASE = 30.0
LONGEST_REQUEST = 20.0
UNSPENT = {"not sent", "busy", "down"}  # what may happen to a request without its getting through
LOST = {"lost before", "lost after", "too late", "500 before", "500 after", "unreadable"}
DOUBLED = {"asked twice", "an old answer"}
_REPLIES = {"busy": 429, "down": 521, "500 before": 500, "500 after": 500, "unreadable": 200}


class Violation(AssertionError):
    """Something happened that must never happen."""


def must(condition, claim):
    if not condition:
        raise Violation(claim)


@dataclass(eq=False)
class Sending:
    """A refresh token on its way, and what its sender has learned of it."""

    generation: int
    unspent: bool = False


@dataclass
class Flight:
    """A request on its way: when it left, its fate, and what the server answered, if it was asked."""

    at: float
    fate: str
    answer: object
    sending: Sending | None = None


class World:
    """What all programs share; `leases` says whether the lock is one, or one of a file that only its holder frees."""

    def __init__(self, *, leases=False, engine=Family):
        self.leases = leases
        self.server = engine()
        self.record = Record()
        self.steady = 5000.0
        self.full = False  # the disk
        self.holder: Program | None = None
        self.held_since = 0.0
        self.fates: list[str] = []
        self.sendings: dict[str, list[Sending]] = {}  # by refresh token
        self.tokens: dict[str, Token] = {}  # as they were saved, by refresh token
        self.saved: set[str] = set()
        self.excused: set[int] = set()  # sign-ins that may be lost: an answer was, or somebody ended them
        self.last_granted = (None, None)  # the newest pair, and the answer that brought it
        self.programs: list[Program] = []
        self.tally: Counter[str] = Counter()
        self.loop = asyncio.new_event_loop()

    def close(self):
        """End every program."""
        for program in self.programs:
            program.crash()
        self.loop.close()

    def pass_by(self, seconds):
        self.steady += seconds
        self.server.now += seconds

    def pair(self, secret):
        return self.server.pairs[secret]

    def excuse(self, chain):
        self.excused.add(chain)

    def end_by_the_service(self):
        """The user ends every login on another device."""
        self.server.end_everything()
        self.excuse_all()

    # ---------------------------------------------------------------- the store
    def write(self, record):
        if record is None:
            return False
        if self.full:
            raise StoreFailed("No space left on device")
        must(record.generation >= self.record.generation, "the generation only grows")
        self.record = record
        return True

    def save(self, program, token, after, at):
        record = transitions.saved(self.record, token, after, at)
        if record is None:
            program.unsaved = None
            return False
        brought_back = self.record.token is None and program.kind != "sign in" and not program.keeps
        must(not brought_back, "only a sign-in brings back what was forgotten")
        stored, new = self.record.token, self.pair(token.access_token)
        if stored is not None and new.before is not None:  # the first pair of a sign-in may replace any
            old = self.pair(stored.access_token)
            must(old.chain == new.chain and old.number < new.number, "no saved pair is replaced by an older one")
        must(token.generation > after, "the generation grows with each pair")
        self.write(record)
        self.tally["pairs saved"] += 1
        self.tally["pairs saved by a late holder"] += self.holder is not program and program.kind != "sign in"
        self.hold(token)
        program.unsaved = None
        return True

    def hold(self, token):
        """Know a pair that a program may use from now on: it is saved, or kept where nothing can be saved."""
        self.tokens[token.refresh_token] = token
        self.saved.add(token.access_token)

    def mark(self, program, generation, why):
        if program.kind == "sign out" and self.record.token is not None:
            self.excuse(self.pair(self.record.token.access_token).chain)  # by the user, though it may be stopped
        return self.write(transitions.marked(self.record, generation, why))

    def forget(self, program, generation):
        record = transitions.forgotten(self.record, generation)
        if record is not None:
            must(program.kind == "sign out", "only a sign-out forgets")
            token = self.record.token  # an older one than who could not save its own has revoked, perhaps
            alive = token is not None and self.server.alive(token.access_token)
            must(not alive or program.keeps, "nothing is forgotten before it is revoked")
        return self.write(record)

    # ---------------------------------------------------------------- the lock
    def take(self, program):
        over = self.leases and self.steady - self.held_since > LEASE
        if self.holder not in {None, program} and not over:
            return False
        self.holder, self.held_since = program, self.steady
        return True

    def release(self, program):
        if self.holder is program:
            self.holder = None

    # ---------------------------------------------------------------- the network
    def send(self, program, request):
        """Send a request now, and let the server do its work, unless it is lost on its way there."""
        fate = self.fates.pop(0) if self.fates else "arrives"
        self.tally["requests"] += 1
        self.tally["requests or answers lost"] += fate in LOST
        body = json.loads(request.body)
        flight = Flight(self.steady, fate, None)
        if "token" in body:
            self.excuse(self.pair(body["token"]).chain)  # by the user, who signs out
        if body.get("grant_type") == "refresh_token":
            flight.sending = self.note_sending(program, body["refresh_token"])
        if fate in UNSPENT | {"lost before", "500 before"}:
            return flight
        newest, old = self.last_granted
        replays = self.server.replays
        flight.answer = self.server.answer(request.url, body)
        may_replay = flight.sending is not None and len(self.sendings[body["refresh_token"]]) > 1
        must(self.server.replays == replays or may_replay, "nothing that was spent is sent to the service")
        if fate == "asked twice":
            self.server.answer(request.url, body)
            self.excuse_all()
        if flight.sending is not None and flight.answer.status == 200:
            program.unsaved = self.pair(body["refresh_token"]).chain
            granted = self.pair(json.loads(flight.answer.body)["refresh_token"])
            self.last_granted = (granted.refresh, flight.answer)
            if fate == "an old answer" and newest == body["refresh_token"]:
                flight.answer = old
                self.excuse_all()
        return flight

    def excuse_all(self):
        """Whatever was issued so far may be ended, by no fault of a program."""
        self.excused.update(pair.chain for pair in self.server.pairs.values())

    def note_sending(self, program, refresh_token):
        earlier = self.sendings.setdefault(refresh_token, [])
        doubtful = [sending for sending in earlier if not sending.unspent]
        pair, stored = self.pair(refresh_token), self.record.token
        for other in self.programs:
            flight = other.flight
            under_way = flight is not None and flight.sending in doubtful and self.steady - flight.at <= LONGEST_REQUEST
            must(not under_way, "nothing is sent again while an earlier sending is under way")
        if doubtful and not program.may_resend:
            must(program.lost_reply == "last-attempt", "under `sign-in` a refresh token is never sent again")
            must(
                program.latest >= self.tokens[refresh_token].expires_at,
                "nothing is sent again while the access token lives",
            )
            must(len(doubtful) == 1, "one last attempt is made, whoever makes it")
        if stored is not None and not doubtful:
            newest = self.pair(stored.access_token)
            must(
                pair.chain != newest.chain or pair.number == newest.number,
                "a refresh token is not sent after its successor came",
            )
        self.tally["refreshes sent"] += 1
        if doubtful:  # by the user, or by a lost answer after the token's end; it may end other sign-ins too
            self.tally["refreshes sent again by the rules"] += 1
            self.excuse_all()
        sending = Sending(self.tokens[refresh_token].generation)
        earlier.append(sending)
        return sending

    def receive(self, program, flight):
        """Return what the sender hears; from here on it knows what became of its refresh token."""
        fate, sending = flight.fate, flight.sending
        if sending is not None:
            sending.unspent = fate in UNSPENT
            record = self.record
            program.newer_at_reply = (
                not sending.unspent and record.token is not None and record.generation > sending.generation
            )
        if fate in LOST:
            program.lose()
        if fate in {"lost before", "lost after", "too late"}:
            return NoReply(sent=True, reason="timed out")
        if fate == "not sent":
            return NoReply(sent=False, reason="connection refused")
        return reply(_REPLIES[fate], b"<html>") if fate in _REPLIES else flight.answer

    # ---------------------------------------------------------------- the end
    def check_that_no_login_was_lost(self):
        """When all is quiet: whoever is signed in can be renewed, unless somebody or a lost answer ended it."""
        token = self.record.token
        if token is None:
            return
        pair = self.pair(token.access_token)
        if pair.chain in self.excused:
            return
        must(self.server.renewable(token.refresh_token), "no login is lost: its newest pair is the stored one")
        must(self.record.renewable, f"no login is given up: {self.record.why_not}")
