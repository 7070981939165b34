"""Givens of the flows' tests: an app, a service, a clock, tokens and records."""

from __future__ import annotations

import json
from itertools import count

from traktauth.flow.context import FlowContext
from traktauth.models import App, PendingRefresh, Record, Sender, Token, find_service
from traktauth.wire.messages import Response

NOW = 1_800_000_000.0
LIFE = 1000  # of a token: its advisory window begins with 100 s left, its mandatory one with 20 s left
APP = App("the-app", client_secret="the-secret", redirect_uri="http://127.0.0.1:9876/callback")
PUBLIC = App("the-app", redirect_uri="http://127.0.0.1:9876/callback")
HTML = b"<!DOCTYPE html><title>Just a moment...</title>"
YEAR = 365 * 86400.0


class Clock:
    """Wall clock and monotonic clock, moved by the test."""

    def __init__(self):
        self.wall, self.steady = NOW, 5000.0

    def pass_by(self, seconds):
        self.wall += seconds
        self.steady += seconds

    def jump(self, seconds):
        self.wall += seconds


def context(clock=None, *, app=APP, service="trakt", lost_reply="last-attempt"):
    clock = clock or Clock()
    numbers = count(1)
    return FlowContext(
        app,
        find_service(service),
        clock=lambda: clock.wall,
        monotonic=lambda: clock.steady,
        new_secret=lambda: f"secret-{next(numbers)}-".ljust(43, "x"),
        lost_reply=lost_reply,
    )


def token(generation=1, *, left=500.0, refresh=True):
    """A pair with `left` seconds of its life left at NOW."""
    return Token(
        f"access-{generation}",
        refresh_token=f"refresh-{generation}" if refresh else None,
        expires_in=LIFE,
        expires_at=NOW + left,
        generation=generation,
    )


def record(pair, **changed):
    return Record(generation=pair.generation, token=pair, **changed)


def unconfirmed(pair, attempt=1):
    """A record whose refresh was sent and not answered."""
    return record(pair, pending_refresh=PendingRefresh(pair.generation, attempt, NOW - 60, Sender("elsewhere", 1)))


def grant(generation, **changed):
    body = {
        "access_token": f"access-{generation}",
        "refresh_token": f"refresh-{generation}",
        "token_type": "bearer",
        "expires_in": LIFE,
        "scope": "public",
        "created_at": int(NOW),
        **changed,
    }
    return Response(200, {}, json.dumps({name: value for name, value in body.items() if value is not None}).encode())


def reply(status, body=b"", **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def refused(status, error, description=""):
    return reply(status, {"error": error, "error_description": description})


DEAD = refused(400, "invalid_grant", "invalid refresh token")
