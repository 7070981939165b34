"""Trakt's present rule for refresh tokens as a model of forty lines, written from the contract; it shares no code.

A refresh token works once. One that comes again ends every token of its family (here: of its account).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from traktauth.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.flow.effects import NoResponse
    from traktauth.wire.messages import Request


@dataclass
class TraktModel:
    """Accounts by their number; a token is its account and a serial number."""

    clock: Callable[[], float]
    life: int = 604800
    newest: dict[int, int] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)
    sent: list[tuple[float, int, int]] = field(default_factory=list)
    ends: dict[tuple[int, int], float] = field(default_factory=dict)

    def sign_in(self, account: int) -> dict[str, object]:
        """Give an account its first pair."""
        self.newest[account] = 1
        return self._pair(account)

    def receive(self, request: Request) -> Response | NoResponse:
        """Answer a request as the token endpoint does."""
        body = json.loads(request.body)
        account, _, serial = body["refresh_token"].removeprefix("R.").partition(".")
        if not serial:
            return _reply(400, error="invalid_grant", error_description="session not found")
        number, used = int(account), int(serial)
        self.sent.append((self.clock(), number, used))
        if number in self.dead or number not in self.newest:
            return _reply(400, error="invalid_grant", error_description="session not found")
        if used != self.newest[number]:
            self.dead.add(number)
            return _reply(400, error="invalid_grant", error_description="invalid refresh token")
        self.newest[number] += 1
        return _reply(200, **self._pair(number))

    def _pair(self, account: int) -> dict[str, object]:
        serial = self.newest[account]
        self.ends[account, serial] = self.clock() + self.life
        return {
            "access_token": f"A.{account}.{serial}",
            "refresh_token": f"R.{account}.{serial}",
            "token_type": "bearer",
            "expires_in": self.life,
        }


def _reply(status: int, **members: object) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(members).encode())
