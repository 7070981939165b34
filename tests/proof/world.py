"""What simulated programs share: a store, a lock, a network that loses things; and what must never happen there.

The steps from record to record are the real ones (`traktauth.models.changes`); the engines are models of their
own. Every claim is made where its violation would be seen.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flow.setup import reply
from proof.engines import Family
from traktauth.errors import StoreFailed
from traktauth.flow.effects import NoResponse
from traktauth.models import Record

if TYPE_CHECKING:
    from proof.program import Program
    from traktauth.models import Token

LEASE = 30.0
MAX_REQUEST = 20.0
CANNOT_BE_SENT = "cannot be sent"  # the driver raises, as no thread is to be had
UNSPENT = {"not sent", "busy", "down", CANNOT_BE_SENT}  # what may happen to a request without its getting through
LOST = {"lost before", "lost after", "too late", "500 before", "500 after", "unreadable"}
DOUBLED = {"asked twice", "an old answer"}
_REPLIES = {"busy": 429, "down": 521, "500 before": 500, "500 after": 500, "unreadable": 200}


class Violation(BaseException):
    """Something happened that must never happen."""


def must(condition, claim):
    if not condition:
        raise Violation(claim)


@dataclass(eq=False)
class Sending:
    """A refresh token on its way, and what its sender has learned of it."""

    generation: int
    at: float
    again: bool
    unspent: bool = False


@dataclass
class RequestUnderWay:
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
        self.probe = None
        self.healthy_at = float("-inf")  # when the service last answered a probe as one that works does
        self.clocks_jumped = False
        self.steady = 5000.0
        self.full = False  # the disk
        self.unclear = False  # whether it says so of what it has written
        self.holder: Program | None = None
        self.held_since = 0.0
        self.fates: list[str] = []
        self.sendings: dict[str, list[Sending]] = {}  # by refresh token
        self.tokens: dict[str, Token] = {}  # as they were saved, by refresh token
        self.saved: set[str] = set()
        self.refused: set[str] = set()  # refresh tokens whose refusal is stored
        self.tolerated: set[str] = set()  # refresh tokens with a sending that counts though it may not have left
        self.excused: set[int] = set()  # sign-ins that may be lost: an answer was, or someone ended them
        self.last_granted = (None, None)  # the newest pair, and the answer that brought it
        self.programs: list[Program] = []
        self.tally: Counter[str] = Counter()

    def close(self):
        """End every program."""
        for program in self.programs:
            program.crash()

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

    def begin(self, program, change):
        begun = self.write(change.apply(self.record))
        if program.kind == "sign out":
            self.tolerate()
        if begun and self.unclear:
            self.unclear = False
            self.tally["begins that were done and reported as failed"] += 1
            raise StoreFailed("The folder cannot be synced")
        return begun

    def tolerate(self):
        """Let the pending refresh count although nothing was sent: its program was killed, or the store failed it."""
        token = self.record.token
        if token is not None:
            self.tolerated.add(token.refresh_token)

    def cancel(self, program, change):
        done = self.write(change.apply(self.record))
        if not done:  # another one's sending is open by now, which may give this one back when it is not sent
            self.tolerate()
        return done

    def note(self, program, change):
        return self.write(change.apply(self.record))

    def set_probe(self, program, change):
        if self.probe != change.before:
            return False
        if self.full:
            raise StoreFailed("No space left on device")
        self.probe = change.after
        return True

    def save(self, program, change):
        record, token = change.apply(self.record), change.token
        if record is None:
            program.unsaved = None
            return False
        brought_back = self.record.token is None and program.kind != "sign in" and not program.keeps
        must(not brought_back, "only a sign-in brings back what was forgotten")
        stored, new = self.record.token, self.pair(token.access_token)
        if stored is not None and new.before is not None:  # the first pair of a sign-in may replace any
            old = self.pair(stored.access_token)
            must(old.chain == new.chain and old.number < new.number, "no saved pair is replaced by an older one")
        must(token.generation > change.after, "the generation grows with each pair")
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

    def mark(self, program, change):
        by_the_user = program.kind == "sign out" or change.reason is None
        must(by_the_user or program.heard_refusal, "only a definite refusal of the refresh token ends a login")
        if self.record.token is not None and change.reason is not None and program.heard_refusal:
            self.refused.add(self.record.token.refresh_token)
        if program.kind == "sign out" and self.record.token is not None:
            self.excuse(self.pair(self.record.token.access_token).chain)  # by the user, though it may be stopped
        return self.write(change.apply(self.record))

    def forget(self, program, change):
        record = change.apply(self.record)
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
        request_under_way = RequestUnderWay(self.steady, fate, None)
        if "token" in body:
            self.excuse(self.pair(body["token"]).chain)  # by the user, who signs out
        if body.get("grant_type") == "refresh_token" and body["refresh_token"] not in self.server.pairs:
            return self.send_probe(request_under_way, request, body)
        if body.get("grant_type") == "refresh_token":
            request_under_way.sending = self.note_sending(program, body["refresh_token"])
        if fate in UNSPENT | {"lost before", "500 before"}:
            return request_under_way
        newest, old = self.last_granted
        replays = self.server.replays
        request_under_way.answer = self.server.answer(request.url, body)
        may_replay = request_under_way.sending is not None and len(self.sendings[body["refresh_token"]]) > 1
        must(self.server.replays == replays or may_replay, "nothing that was spent is sent to the service")
        if fate == "asked twice":
            self.server.answer(request.url, body)
            self.excuse_all()
        if request_under_way.sending is not None and request_under_way.answer.status == 200:
            program.unsaved = self.pair(body["refresh_token"]).chain
            granted = self.pair(json.loads(request_under_way.answer.body)["refresh_token"])
            self.last_granted = (granted.refresh, request_under_way.answer)
            if fate == "an old answer" and newest == body["refresh_token"]:
                request_under_way.answer = old
                self.excuse_all()
        return request_under_way

    def send_probe(self, request_under_way, request, body):
        self.tally["probes"] += 1
        if request_under_way.fate not in UNSPENT | {"lost before", "500 before"}:
            request_under_way.answer = self.server.answer(request.url, body)
            if request_under_way.fate not in LOST | UNSPENT:
                self.healthy_at = self.steady
        return request_under_way

    def excuse_all(self):
        """Whatever was issued so far may be ended, by no fault of a program."""
        self.excused.update(pair.chain for pair in self.server.pairs.values())

    def note_sending(self, program, refresh_token):
        earlier = self.sendings.setdefault(refresh_token, [])
        doubtful = [sending for sending in earlier if not sending.unspent]
        pair, stored = self.pair(refresh_token), self.record.token
        for other in self.programs:
            request_under_way = other.request_under_way
            under_way = (
                request_under_way is not None
                and request_under_way.sending in doubtful
                and self.steady - request_under_way.at <= MAX_REQUEST
            )
            must(not under_way, "nothing is sent again while an earlier sending is under way")
        if doubtful and not program.may_resend:
            must(program.lost_reply == "last-attempt", "under `sign-in` a refresh token is never sent again")
            must(
                program.latest >= self.tokens[refresh_token].expires_at or self.record.rejected_at is not None,
                "nothing is sent again while the access token lives",
            )
            last = max(sending.at for sending in doubtful)
            shown = self.healthy_at >= last or self.clocks_jumped
            must(shown, "nothing is sent again before a probe has shown that the endpoint works")
            pause = 0 if len(doubtful) == 1 else min(3600, 60 * 2 ** (len(doubtful) - 2))
            must(self.clocks_jumped or self.steady - last >= pause, "between two sendings lies a pause")
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
        sending = Sending(self.tokens[refresh_token].generation, self.steady, again=bool(doubtful))
        earlier.append(sending)
        return sending

    def receive(self, program, request_under_way):
        """Return what the sender hears; from here on it knows what became of its refresh token."""
        fate, sending = request_under_way.fate, request_under_way.sending
        definite = sending is not None and fate not in LOST | UNSPENT
        program.heard_refusal = program.heard_refusal or (definite and request_under_way.answer.status == 400)
        if sending is not None:
            sending.unspent = fate in UNSPENT
            record = self.record
            program.newer_at_reply = (
                not sending.unspent
                and not sending.again
                and record.token is not None
                and record.generation > sending.generation
                and record.rejected_at is None
                and record.token.expires_at > program.latest
            )
        if fate in LOST:
            program.lose()
        if fate in {"lost before", "lost after", "too late"}:
            return NoResponse(sent=True, reason="timed out")
        if fate == "not sent":
            return NoResponse(sent=False, reason="connection refused")
        return reply(_REPLIES[fate], b"<html>") if fate in _REPLIES else request_under_way.answer

    # ---------------------------------------------------------------- the end
    def check_that_no_login_was_lost(self):
        """When all is quiet: anyone who is signed in can be renewed, unless someone or a lost answer ended it."""
        token = self.record.token
        if token is None:
            return
        pair, pending_refresh = self.pair(token.access_token), self.record.pending_refresh
        if pending_refresh is not None and token.refresh_token not in self.tolerated:
            sent = [sending for sending in self.sendings.get(token.refresh_token, ()) if not sending.unspent]
            must(pending_refresh.sending <= len(sent), "only what was sent is counted")
        if pair.chain in self.excused:
            return
        must(self.server.refreshable(token.refresh_token), "no login is lost: its newest pair is the stored one")
        must(self.record.refreshable, f"no login is given up: {self.record.not_refreshable_reason}")
