"""The calls of the control API: each is a struct of its members, does its work, and says in a sentence what it did."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta, Struct

from traktauth.server.errors import ValidationError
from traktauth.server.http.authorize import Visitor, client_url, evaluate_query, page_url
from traktauth.server.http.faults import read_faults
from traktauth.server.http.request_log import MOST_CREATED, ControlResult, TokensCreated, fingerprint
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
from traktauth.server.pages.connected import disconnect
from traktauth.server.tokens import IssuedTokens, generate_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from traktauth.server.http.context import ServerContext
    from traktauth.server.storage.models import Client, User
    from traktauth.server.storage.repositories import Repositories

Text = Annotated[str, Meta(min_length=1)]
Decision = Literal["approve", "deny"]
Result = dict[str, Any]
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
    """A control call.

    Attributes:
        changes: whether it changes something, and so is logged for the control page.
    """

    changes: ClassVar[bool] = True

    @classmethod
    def read(cls, members: object) -> Self:
        """Return the call of a JSON body.

        Raises:
            ControlError: a member is missing, unknown or invalid.
        """
        found = as_object(members)
        if found is None:
            raise ControlError("the body must be an object")
        try:
            return msgspec.convert(found, cls)
        except msgspec.ValidationError as error:
            raise ControlError(str(error)) from error

    async def run(self, context: ServerContext) -> Result:
        """Do it, and return the members of the response.

        Raises:
            ControlError: it cannot be done.
        """
        raise NotImplementedError

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:
        """Return what the control page says of it; *app* is the name of the app that it names."""
        raise NotImplementedError


class Authorize(Call):
    """Act as the browser of a user, from an authorization request to where it ends."""

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

    async def run(self, context: ServerContext) -> Result:
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

    def _decide(self, context: ServerContext, query: dict[str, str], db: Repositories) -> AuthorizationResult:
        now, lifetime = context.clock(), context.policy.lifetimes.session
        user = db.users.get_or_create(self.username, now=now)
        visitor = Visitor(db.users.create_session(user.id, generate_token(), now=now, lifetime=lifetime), user)
        if self.decision == "deny":
            return evaluate_query(context, db, query, visitor, decision="deny").result
        end = evaluate_query(context, db, query, visitor).result
        if isinstance(end, ConsentRequired):
            query = without_prompts(query, "consent")
            return evaluate_query(context, db, query, visitor, decision="approve").result
        return end

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:
        """Return what the control page says of it."""
        code = f" and got code {fingerprint(str(result['code']))}" if result.get("code") else ""
        return f"A test signed {self.username} in at {app}{code}."


def _ended(location: str | None, status: int, parameters: dict[str, str]) -> Result:
    query = urlsplit(location).query if location else ""
    state = parse_qs(query).get("state", [None])[0] or parameters.get("state")
    return {"location": location, "code": None, "state": state, "status": status}


class DecideDevice(Call):
    """Approve or deny a device code."""

    user_code: Text
    username: Text
    decision: Decision

    async def run(self, context: ServerContext) -> Result:
        """Decide, or fail if no such code waits for a decision."""

        def work(db: Repositories) -> bool:
            user = db.users.get_or_create(self.username, now=context.clock())
            return decide(db, self.user_code, user=user.id, decision=self.decision, now=context.clock())

        if not context.database.write(work):
            raise ControlError("no such code waits for an answer", status=404)
        return {"user_code": self.user_code, "decision": self.decision}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return f"A test let {self.username} {self.decision} a device."


class CreateTokens(Call):
    """Sign in *count* times; without a username each time a user of its own."""

    client_id: Text
    count: Annotated[int, Meta(ge=1, le=1_000_000)]
    username: Text | None = None

    async def run(self, context: ServerContext) -> Result:
        """Return the tokens."""
        return {"tokens": [_as_members(issued, name) for issued, name in await self.create(context)]}

    async def create(self, context: ServerContext) -> list[tuple[IssuedTokens, str]]:
        """Return what was issued, and to whom; it is logged as a result of its own."""
        app = _app(context, self.client_id)
        made: list[tuple[IssuedTokens, str]] = []
        while len(made) < self.count:
            made += context.database.write(partial(self._create, context, app, min(CHUNK, self.count - len(made))))
            await asyncio.sleep(0)
        entry = context.request_log.add(
            context.clock(), "POST", "/_control/tokens", ClientRequest({"client_id": self.client_id}, "", "")
        )
        entry.finish(TokensCreated(self.count, tuple(issued for issued, _ in made[-MOST_CREATED:])))
        return made

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

    changes: ClassVar[bool] = False

    async def run(self, context: ServerContext) -> Result:
        """Return the time."""
        return {"now": context.clock()}


class MoveClock(Call):
    """Move the clock forward, or back."""

    advance: float

    async def run(self, context: ServerContext) -> Result:
        """Move it, unless it would leave its dates."""
        try:
            return {"now": context.clock.advance(self.advance)}
        except ValueError as error:
            raise ControlError(str(error)) from error

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it, such as `forward by 7 days`."""
        way, left = "forward" if self.advance >= 0 else "back", abs(self.advance)
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
            if left >= length and left % length == 0:
                count = int(left // length)
                return f"The clock was moved {way} by {count} {unit if count == 1 else f'{unit}s'}."
        return f"The clock was moved {way} by {left:g} s."


class Expire(Call):
    """Expire one token or code now."""

    kind: Literal["code", "access", "refresh", "device"]
    value: Text

    async def run(self, context: ServerContext) -> Result:
        """Expire it, or fail if there is no such token or code."""
        if not context.database.write(partial(self._expire, now=context.clock())):
            raise ControlError(f"no such {self.kind}", status=404)
        return {"expired": self.kind}

    def _expire(self, db: Repositories, *, now: float) -> bool:
        if self.kind == "code":
            code = db.codes.find(self.value)
            if code is not None:
                db.codes.expire(code.id, now=now)
            return code is not None
        if self.kind == "device":
            device = db.device_codes.find(self.value)
            if device is not None:
                db.device_codes.expire(device.id, now=now)
            return device is not None
        find = db.tokens.by_access_token if self.kind == "access" else db.tokens.by_refresh_token
        pair = find(self.value)
        if pair is not None:
            db.tokens.expire(pair.id, self.kind, now=now)
        return pair is not None

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        kind = {"access": "An access token", "refresh": "A refresh token", "code": "A code", "device": "A device code"}
        return f"{kind[self.kind]} was made to expire."


class ExpirePair(Call):
    """Expire a token of a stored pair now; for the buttons of the control page, which do not know the token."""

    pair: int
    kind: Literal["access", "refresh"]

    async def run(self, context: ServerContext) -> Result:
        """Expire it, if it exists."""
        context.database.write(lambda db: db.tokens.expire(self.pair, self.kind, now=context.clock()))
        return {}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return f"{'An access' if self.kind == 'access' else 'A refresh'} token was made to expire."


class SetFaults(Call):
    """Replace the faults that wait."""

    faults: list[Any]

    @classmethod
    def read(cls, members: object) -> Self:
        """Return the call of a JSON body, which is the list."""
        return cls(faults=as_list(members) or []) if as_list(members) is not None else super().read({"faults": members})

    async def run(self, context: ServerContext) -> Result:
        """Replace them, unless one of the new ones is invalid."""
        try:
            context.faults[:] = read_faults(self.faults, context.profile.oauth_paths)
        except ValueError as error:
            raise ControlError(str(error)) from error
        return {}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return "Faults were set."


class AddFaults(SetFaults):
    """Add faults to those that wait."""

    async def run(self, context: ServerContext) -> Result:
        """Add them, unless one is invalid."""
        waiting = list(context.faults)
        result = await super().run(context)
        context.faults[:0] = waiting
        return result


class ClearFaults(Call):
    """Remove all faults."""

    async def run(self, context: ServerContext) -> Result:
        """Remove them."""
        context.faults.clear()
        return {}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return "The faults were cleared."


class SignEveryoneOut(Call):
    """End every user's sessions on the web."""

    async def run(self, context: ServerContext) -> Result:
        """End them."""
        context.database.write(lambda db: db.users.delete_all_sessions())
        return {}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return "Everyone was signed out of the browser."


def _with_user(context: ServerContext, username: str, work: Callable[[Repositories, User], None]) -> Result:
    """Run work on a user; fail if there is none of that name."""

    def run(db: Repositories) -> bool:
        user = db.users.by_username(username)
        if user is not None:
            work(db, user)
        return user is not None

    if not context.database.write(run):
        raise ControlError(f"no user is called {username!r}", status=404)
    return {}


class SignUserOut(Call):
    """End one user's sessions on the web."""

    username: Text

    async def run(self, context: ServerContext) -> Result:
        """End them, or fail if the user is unknown."""
        return _with_user(context, self.username, lambda db, user: db.users.sign_user_out(user.id))

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return f"{self.username} was signed out of the browser."


class Disconnect(Call):
    """Disconnect every app from a user's account, as they do on the page of connected apps."""

    username: Text

    async def run(self, context: ServerContext) -> Result:
        """Disconnect them, or fail if the user is unknown."""

        def work(db: Repositories, user: User) -> None:
            for app in db.clients.all():
                disconnect(db, app.id, user.id)

        return _with_user(context, self.username, work)

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return f"{self.username} disconnected every app."


class RevokeConsent(Call):
    """Delete every user's consent to an app; tokens stay valid."""

    client_id: Text

    async def run(self, context: ServerContext) -> Result:
        """Delete them, or fail if the app is unknown."""
        app = _app(context, self.client_id)
        context.database.write(lambda db: db.clients.revoke_consent(app.id))
        return {}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return f"The consent for {app} was revoked."


class DisableApp(Call):
    """Disable an app, or enable it."""

    client_id: Text
    disabled: bool

    async def run(self, context: ServerContext) -> Result:
        """Do so, or fail if the app is unknown."""
        app = _app(context, self.client_id)
        context.database.write(lambda db: db.clients.set_disabled(app.client_id, disabled=self.disabled))
        return {}

    def sentence(self, app: str, result: Mapping[str, Any]) -> str:  # noqa: ARG002 - as every call
        """Return what the control page says of it."""
        return f"{app} was {'disabled' if self.disabled else 'enabled'}."


class ReadLedger(Call):
    """Read the counts since the last reset, and how many tokens are valid."""

    changes: ClassVar[bool] = False

    async def run(self, context: ServerContext) -> Result:
        """Return them."""
        alive = context.database.read(lambda db: db.tokens.count_active(now=context.clock()))
        return context.metrics.sums() | {"alive": alive}


class Reset(Call):
    """Forget tokens, codes, faults, counts, failed guesses and the log; keep apps and users; put the clock back."""

    changes: ClassVar[bool] = False  # it clears the log

    async def run(self, context: ServerContext) -> Result:
        """Forget them."""
        context.database.write(lambda db: db.maintenance.delete_tokens())
        context.metrics.reset()
        context.request_log.clear()
        context.faults.clear()
        for throttle in (context.passwords, context.user_codes, context.control_keys):
            throttle.clear()
        context.buckets.clear()
        context.clock.put_back()
        return {}


CALLS: dict[str, dict[str, type[Call]]] = {
    "authorize": {"POST": Authorize},
    "device": {"POST": DecideDevice},
    "tokens": {"POST": CreateTokens},
    "clock": {"GET": ReadClock, "POST": MoveClock},
    "expire": {"POST": Expire},
    "faults": {"PUT": SetFaults, "DELETE": ClearFaults},
    "signout": {"POST": SignEveryoneOut},
    "disconnect": {"POST": Disconnect},
    "revoke-consent": {"POST": RevokeConsent},
    "disable-app": {"POST": DisableApp},
    "ledger": {"GET": ReadLedger},
    "reset": {"POST": Reset},
}
"""The calls by name and method."""
NAMES: dict[type[Call], tuple[str, str]] = {
    **{call: (method, f"/_control/{name}") for name, calls in CALLS.items() for method, call in calls.items()},
    AddFaults: ("PUT", "/_control/faults"),
    ExpirePair: ("POST", "/_control/expire"),
    SignUserOut: ("POST", "/_control/signout"),
}
"""The method and path that a call is logged with."""


async def run_call(context: ServerContext, call: Call) -> Result:
    """Run a call and log it.

    Raises:
        ControlError: it cannot be done.
    """
    result = await call.run(context)
    if call.changes and not isinstance(call, CreateTokens):
        members = {name: str(value) for name, value in msgspec.structs.asdict(call).items() if value is not None}
        request = ClientRequest(members, members.get("client_id", ""), "")
        if isinstance(call, Authorize):
            request = ClientRequest(
                {**call.parameters, "username": call.username}, call.parameters.get("client_id", ""), ""
            )
        entry = context.request_log.add(context.clock(), *NAMES[type(call)], request)
        entry.finish(ControlResult(result, call.sentence))
    return result
