"""The calls of the control API: each is a struct of its members, does its work, and says in a sentence what it did."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta, Struct

from traktauth.server.control.token_tree import app_name
from traktauth.server.errors import ValidationError
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import MAX_CREATED, TEST, Exchange, fingerprint
from traktauth.server.http.faults import read_faults
from traktauth.server.messages import as_list, as_object
from traktauth.server.oauth.authorization import (
    AuthorizationResult,
    ConsentRequired,
    ErrorPage,
    RedirectToClient,
    without_prompts,
)
from traktauth.server.oauth.device import decide
from traktauth.server.oauth.request import ClientRequest
from traktauth.server.pages.applications import disconnect
from traktauth.server.pages.authorization import client_url, evaluate_query, page_url
from traktauth.server.pages.page_request import Visitor
from traktauth.server.storage.repositories import Repositories, Table
from traktauth.server.storage.schema import Client, User
from traktauth.server.tokens import IssuedTokens, generate_token

Text = Annotated[str, Meta(min_length=1)]
Decision = Literal["approve", "deny"]
Result = dict[str, Any]
KINDS = {"access": "An access token", "refresh": "A refresh token", "code": "A code", "device": "A device code"}
CHUNK = 100
"""Sign-ins made in one transaction; other requests are served between two."""


class ControlError(ValueError):
    """A control call cannot be done; the message says why.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Call(Struct, forbid_unknown_fields=True):
    """A control call: its members, what it does, and what the control page says of it.

    Attributes:
        address: its method and path.
        changes: whether it changes something, and so is shown on the control page.
        words: the sentence for the control page; `{call}` stands for the call, and `{app}` for the name of the app that
            it names.
    """

    address: ClassVar[str]
    changes: ClassVar[bool] = True
    words: ClassVar[str] = ""

    @classmethod
    def read(cls, members: object) -> Self:
        """Return the call of a JSON body; raise ControlError if a member is missing, unknown or invalid."""
        found = as_object(members)
        if found is None:
            raise ControlError("the body must be an object")
        try:
            return msgspec.convert(found, cls)
        except msgspec.ValidationError as error:
            raise ControlError(str(error)) from error

    async def run(self, context: ServerContext, exchange: Exchange, /) -> Result:
        """Do it, and return the members of the response; raise ControlError if it cannot be done."""
        raise NotImplementedError

    def parameters_sent(self) -> dict[str, str]:
        """Return its members as text, without those that were left out."""
        return {name: str(value) for name, value in msgspec.structs.asdict(self).items() if value is not None}

    def sentence(self, app: str, _result: Result, /) -> str:
        """Return what the control page says of it; *app* is the name of the app that it names."""
        return self.words.format(call=self, app=app)


class Authorize(Call):
    """Act as the browser of a user, from an authorization request to where it ends."""

    address: ClassVar[str] = "POST /_control/authorize"
    username: Text
    decision: Decision | None = None
    via: Literal["shim", "native"] | None = None
    parameters: dict[str, str] = {}
    """Those of the authorization request: every other member of the call."""

    @classmethod
    def read(cls, members: object) -> Self:
        """Return the call of a JSON body; members without a name of the call's are parameters of the request."""
        found = as_object(members)
        if found is None:
            raise ControlError("the body must be an object")
        own = {name: value for name, value in found.items() if name in ("username", "decision", "via")}
        others = {name: str(value) for name, value in found.items() if name not in own and value is not None}
        return super().read({**own, "parameters": others})

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Return `location`, `code`, `state`, `status`.

        `via: native` takes the parameters to the letter. Otherwise `response_type` is `code` if it is left out, save
        that a profile without a native address takes a request with an explicit decision to the letter, too.
        """
        native, parameters = self.via == "native", dict(self.parameters)
        if not native and (context.profile.native_authorize or self.decision is None):
            parameters.setdefault("response_type", "code")
        rules, pairs = context.profile.authorize, list(parameters.items())
        try:
            query = rules.read(pairs if native else rules.prepare(pairs, context.policy))
        except ValidationError as error:
            return _ended(None, 400, parameters) | {"message": error.message}
        query = without_prompts(query, "login", "create")
        end = context.database.write(partial(self._decide, context, query))
        if isinstance(end, RedirectToClient):
            if "code" in end.parameters:
                context.control_codes.append(end.parameters["code"])
            location = client_url(context, end, native=native)
            code = end.parameters.get("code")
            return _ended(location, 302 if location else 200, end.parameters) | {"code": code}
        if isinstance(end, ErrorPage):
            return _ended(None, 400, parameters) | {"error": end.error, "message": end.description}
        return _ended(page_url(end, parameters), 302, parameters)

    def parameters_sent(self) -> dict[str, str]:
        """Return the parameters of the authorization request, and the user."""
        return {**self.parameters, "username": self.username}

    def _decide(self, context: ServerContext, query: dict[str, str], db: Repositories) -> AuthorizationResult:
        now, lifetime = context.clock(), context.policy.lifetimes.session
        user = db.users.get_or_create(self.username, now=now)
        visitor = Visitor(db.sessions.create(user.id, generate_token(), now=now, lifetime=lifetime), user)
        if self.decision == "deny":
            return evaluate_query(context, db, query, visitor, decision="deny").result
        end = evaluate_query(context, db, query, visitor).result
        if isinstance(end, ConsentRequired):
            query = without_prompts(query, "consent")
            return evaluate_query(context, db, query, visitor, decision="approve").result
        return end

    def sentence(self, app: str, result: Result, /) -> str:
        """Return what the control page says of it."""
        code = f" and got code {fingerprint(str(result['code']))}" if result.get("code") else ""
        return f"A test signed {self.username} in at {app}{code}."


def _ended(location: str | None, status: int, parameters: dict[str, str]) -> Result:
    query = urlsplit(location).query if location else ""
    state = parse_qs(query).get("state", [None])[0] or parameters.get("state")
    return {"location": location, "code": None, "state": state, "status": status}


class DecideDevice(Call):
    """Approve or deny a device code."""

    address: ClassVar[str] = "POST /_control/device"
    words: ClassVar[str] = "A test let {call.username} {call.decision} a device."
    user_code: Text
    username: Text
    decision: Decision

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Decide, or fail if no such code waits for a decision."""

        def work(db: Repositories) -> bool:
            user = db.users.get_or_create(self.username, now=context.clock())
            return decide(db, self.user_code, user=user.id, decision=self.decision, now=context.clock())

        if not context.database.write(work):
            raise ControlError("no such code waits for an answer", status=404)
        return {"user_code": self.user_code, "decision": self.decision}


class CreateTokens(Call):
    """Sign in *count* times; without a username each time a user of its own."""

    address: ClassVar[str] = "POST /_control/tokens"
    words: ClassVar[str] = "A test signed in {call.times} at {app}."
    client_id: Text
    count: Annotated[int, Meta(ge=1, le=1_000_000)]
    username: Text | None = None

    @property
    def times(self) -> str:
        """How often, in words."""
        return "once" if self.count == 1 else f"{self.count} times"

    async def run(self, context: ServerContext, exchange: Exchange, /) -> Result:
        """Return the tokens; the last of them are noted."""
        app = _app(context, self.client_id)
        made: list[tuple[IssuedTokens, str]] = []
        while len(made) < self.count:
            made += context.database.write(partial(self._create, context, app, min(CHUNK, self.count - len(made))))
            await asyncio.sleep(0)
        exchange.issued = tuple(issued for issued, _ in made[-MAX_CREATED:])
        return {"tokens": [_as_members(issued, name) for issued, name in made]}

    def _create(
        self, context: ServerContext, app: Client, count: int, db: Repositories
    ) -> list[tuple[IssuedTokens, str]]:
        made: list[tuple[IssuedTokens, str]] = []
        for _ in range(count):
            now = context.clock()
            user = db.users.get_or_create(self.username or f"user-{secrets.token_hex(6)}", now=now)
            scope = context.policy.default_scope
            issued = db.tokens.issue(context.policy.lifetimes, now=now, client=app.id, user=user.id, scope=scope)
            made.append((issued, user.username))
        return made


def _as_members(issued: IssuedTokens, username: str) -> dict[str, Any]:
    return {
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "expires_in": issued.expires_in,
        "created_at": issued.created_at,
        "username": username,
    }


def _app(context: ServerContext, client_id: str) -> Client:
    app = context.database.read(lambda db: db.clients.by_client_id(client_id))
    if app is None:
        raise ControlError("no app has this client_id", status=404)
    return app


class ReadClock(Call):
    """Look at the clock."""

    address: ClassVar[str] = "GET /_control/clock"
    changes: ClassVar[bool] = False

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Return the time."""
        return {"now": context.clock()}


class MoveClock(Call):
    """Move the clock forward, or back."""

    address: ClassVar[str] = "POST /_control/clock"
    words: ClassVar[str] = "The clock was moved {call.distance}."
    advance: float

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Move it, unless it would leave its dates."""
        try:
            return {"now": context.clock.advance(self.advance)}
        except ValueError as error:
            raise ControlError(str(error)) from error

    @property
    def distance(self) -> str:
        """How far and which way, such as `forward by 7 days`."""
        way, left = "forward" if self.advance >= 0 else "back", abs(self.advance)
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
            if left >= length and left % length == 0:
                count = int(left // length)
                return f"{way} by {count} {unit if count == 1 else f'{unit}s'}"
        return f"{way} by {left:g} s"


class Expire(Call):
    """Expire one token or code now."""

    address: ClassVar[str] = "POST /_control/expire"
    words: ClassVar[str] = "{call.what} was made to expire."
    kind: Literal["code", "access", "refresh", "device"]
    value: Text

    @property
    def what(self) -> str:
        """What expires, in words."""
        return KINDS[self.kind]

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Expire it, or fail if there is no such token or code."""
        if not context.database.write(partial(self._expire, now=context.clock())):
            raise ControlError(f"no such {self.kind}", status=404)
        return {"expired": self.kind}

    def _expire(self, db: Repositories, *, now: float) -> bool:
        if self.kind in ("code", "device"):
            codes: Table[Any] = db.codes if self.kind == "code" else db.device_codes
            code = codes.by_token(self.value)
            if code is not None:
                codes.update(code.id, expires=now)
            return code is not None
        find = db.tokens.by_access_token if self.kind == "access" else db.tokens.by_refresh_token
        pair = find(self.value)
        if pair is not None:
            db.tokens.update(pair.id, **{f"{self.kind}_expires": now})
        return pair is not None


class ExpirePair(Expire):
    """Expire a token of a stored pair now; for the buttons of the control page, which do not know the token."""

    value: str = ""
    pair: int = 0

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Expire it, if it exists."""
        ends = {f"{self.kind}_expires": context.clock()}
        context.database.write(lambda db: db.tokens.update(self.pair, **ends))
        return {}


class SetFaults(Call):
    """Replace the faults that wait."""

    address: ClassVar[str] = "PUT /_control/faults"
    words: ClassVar[str] = "Faults were set."
    faults: list[Any]

    @classmethod
    def read(cls, members: object) -> Self:
        """Return the call of a JSON body, which is the list."""
        return cls(faults=as_list(members) or []) if as_list(members) is not None else super().read({"faults": members})

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Replace them, unless one of the new ones is invalid."""
        try:
            context.faults[:] = read_faults(self.faults, context.profile.oauth_paths)
        except ValueError as error:
            raise ControlError(str(error)) from error
        return {}


class AddFaults(SetFaults):
    """Add faults to those that wait."""

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Add them, unless one is invalid."""
        waiting = list(context.faults)
        result = await super().run(context, _)
        context.faults[:0] = waiting
        return result


class ClearFaults(Call):
    """Remove all faults."""

    address: ClassVar[str] = "DELETE /_control/faults"
    words: ClassVar[str] = "The faults were cleared."

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Remove them."""
        context.faults.clear()
        return {}


class SignEveryoneOut(Call):
    """End every user's sessions on the web."""

    address: ClassVar[str] = "POST /_control/signout"
    words: ClassVar[str] = "Everyone was signed out of the browser."

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """End them."""
        context.database.write(lambda db: db.sessions.delete())
        return {}


def _with_user(context: ServerContext, username: str, work: Callable[[Repositories, User], None]) -> Result:
    """Run work on a user; fail if no user has that name."""

    def run(db: Repositories) -> bool:
        user = db.users.find(username=username)
        if user is not None:
            work(db, user)
        return user is not None

    if not context.database.write(run):
        raise ControlError(f"no user is called {username!r}", status=404)
    return {}


class SignUserOut(Call):
    """End one user's sessions on the web."""

    address: ClassVar[str] = "POST /_control/signout"
    words: ClassVar[str] = "{call.username} was signed out of the browser."
    username: Text

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """End them, or fail if the user is unknown."""
        return _with_user(context, self.username, lambda db, user: db.sessions.delete(user_id=user.id))


class Disconnect(Call):
    """Disconnect every app from a user's account, as they do on the page of connected apps."""

    address: ClassVar[str] = "POST /_control/disconnect"
    words: ClassVar[str] = "{call.username} disconnected every app."
    username: Text

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Disconnect them, or fail if the user is unknown."""

        def work(db: Repositories, user: User) -> None:
            for app in db.clients.all():
                disconnect(db, app.id, user.id)

        return _with_user(context, self.username, work)


class RevokeConsent(Call):
    """Delete every user's consent to an app; tokens stay valid."""

    address: ClassVar[str] = "POST /_control/revoke-consent"
    words: ClassVar[str] = "The consent for {app} was revoked."
    client_id: Text

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Delete them, or fail if the app is unknown."""
        app = _app(context, self.client_id)
        context.database.write(lambda db: db.consents.delete(client=app.id))
        return {}


class DisableApp(Call):
    """Disable an app, or enable it."""

    address: ClassVar[str] = "POST /_control/disable-app"
    words: ClassVar[str] = "{app} was {call.state}."
    client_id: Text
    disabled: bool

    @property
    def state(self) -> str:
        """What it is now, in words."""
        return "disabled" if self.disabled else "enabled"

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Do so, or fail if the app is unknown."""
        app = _app(context, self.client_id)
        context.database.write(lambda db: db.clients.update(app.id, disabled=self.disabled))
        return {}


class ReadLedger(Call):
    """Read the counts since the last reset, and how many tokens are valid."""

    address: ClassVar[str] = "GET /_control/ledger"
    changes: ClassVar[bool] = False

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Return them."""
        alive = context.database.read(lambda db: db.tokens.count_active(now=context.clock()))
        return context.exchanges.ledger() | {"alive": alive}


class Reset(Call):
    """Forget tokens, codes, faults, counts, failed guesses and the log; keep apps and users; put the clock back."""

    address: ClassVar[str] = "POST /_control/reset"
    changes: ClassVar[bool] = False  # it clears the log

    async def run(self, context: ServerContext, _: Exchange, /) -> Result:
        """Forget them."""
        context.database.write(lambda db: db.delete_tokens())
        context.exchanges.reset()
        context.faults.clear()
        for throttle in (context.passwords, context.user_codes, context.control_keys):
            throttle.clear()
        context.counters.clear()
        context.clock.put_back()
        return {}


CALLS: tuple[type[Call], ...] = (
    Authorize, DecideDevice, CreateTokens, ReadClock, MoveClock, Expire, SetFaults, ClearFaults, SignEveryoneOut,
    Disconnect, RevokeConsent, DisableApp, ReadLedger, Reset,
)  # fmt: skip
"""The calls that are served."""


async def run_call(context: ServerContext, call: Call, exchange: Exchange | None = None) -> Result:
    """Run a call and record it, in *exchange* if it came as a request; raise ControlError if it cannot be done."""
    record = exchange or Exchange(*call.address.split(" "), at=context.clock())
    result = await call.run(context, record)
    if not call.changes:
        return result
    parameters = call.parameters_sent()
    client_id = parameters.get("client_id", "")
    app = context.database.read(lambda db: db.clients.by_client_id(client_id))
    record.source, record.request = TEST, ClientRequest(parameters, client_id, "")
    record.sentence = call.sentence(app_name(client_id, app.name if app else None), result)
    if exchange is None:
        record.status = HTTPStatus.OK
        context.exchanges.add(record)
    return result
