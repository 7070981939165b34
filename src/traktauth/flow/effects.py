"""What a flow asks its driver to do, and the result that it gets.

A flow is a generator: `response = yield from Send(request)`. A driver performs each effect, blocking or async, and
sends the result back in; a failure is thrown in where the effect was yielded. The lock and the shield hold a flow of
their own, so that neither can be left open.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from traktauth.errors import TraktAuthError, TryLater
from traktauth.models import Probe, Record, Token
from traktauth.models.changes import Change
from traktauth.steps import Step
from traktauth.wire.messages import Request, Response

T = TypeVar("T")


class Effect(Generic[T]):
    """One thing to be done outside; its result is a *T*.

    Effects are values: equal where their parts are. They are written out, not made by `dataclass`, as that would cost
    a third of the time in which the whole package is imported.
    """

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    if not TYPE_CHECKING:

        def __class_getitem__(cls, _: object) -> type[Effect]:
            """Return the class: only type checkers look at a result's type, and aliases of 25 classes cost time."""
            return cls

    def __iter__(self) -> Generator[Self, T, T]:
        """Yield the effect to the driver and return its result."""
        return (yield self)

    def _parts(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._parts() == cast("Self", other)._parts()

    def __hash__(self) -> int:
        return hash((type(self), self._parts()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts()))})"


Flow = Generator[Effect[Any], Any, T]


class Busy(Enum):
    """Another caller holds the lock."""

    BUSY = "busy"


BUSY = Busy.BUSY


class NoResponse:
    """No response came.

    Attributes:
        sent: whether a byte of the request may have left; if not, it is certain that nothing was spent.
        reason: in words, without an address's query.
        code: for an error that is not `TryLater`, as repeating the request would not help, its code; else None.
    """

    __slots__ = ("code", "reason", "sent")

    def __init__(self, sent: bool, reason: str, code: str | None = None) -> None:  # noqa: FBT001 - its only question
        self.sent = sent
        self.reason = reason
        self.code = code

    def error(self, address: str, *, note: str = "") -> TraktAuthError:
        """Return the error for a request that got no response.

        Args:
            address: what it was sent to; only scheme, host and port are shown.
            note: ends the message.
        """
        message = f"{'/'.join(address.split('/', 3)[:3])} could not be reached: {self.reason}{note}"
        if self.code is not None:
            return TraktAuthError(message, code=self.code)
        return TryLater(message, code="service-unreachable")

    def __repr__(self) -> str:
        return f"NoResponse(sent={self.sent}, {self.reason!r})"


class Send(Effect[Response | NoResponse]):
    """Send one request, within 20 s, without following redirects or trying twice.

    What a driver raises here is raised before a byte of the request has left.
    """

    __slots__ = __match_args__ = ("request",)

    def __init__(self, request: Request) -> None:
        self.request = request


class Load(Effect[Record]):
    """Read the login's record."""

    __slots__ = ()


class Apply(Effect[bool]):
    """Apply a change to the login's record, or a probe to the app's entry; False if it does not apply.

    It is durable when it returns. `BeginRefresh` raises TryLater, before the store is asked, if nothing can be sent
    from here: a proxy or certificates that cannot be used, or a closed client.
    """

    __slots__ = __match_args__ = ("change",)

    def __init__(self, change: Change) -> None:
        self.change = change


class HoldUnsaved(Effect[None]):
    """Hold a token that could not be saved in memory, serve it, and save it at the next chance."""

    __slots__ = __match_args__ = ("token", "after", "is_sign_in")

    def __init__(self, token: Token, after: int, *, is_sign_in: bool = False) -> None:
        self.token = token
        self.after = after
        self.is_sign_in = is_sign_in


class LoadProbe(Effect[Probe | None]):
    """Read the last probe of the token endpoint with this app."""

    __slots__ = ()


class LoadAccounts(Effect[Any]):
    """Read every account of the same app and service: pairs of key and record, or StoreFailed for an unreadable one."""

    __slots__ = ()


class CheckWritable(Effect[None]):
    """Show with a trial write that the store can save."""

    __slots__ = ()


class Sleep(Effect[None]):
    """Wait some seconds."""

    __slots__ = __match_args__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class LogMessage(Effect[None]):
    """Write a line to the log: of a sign-in, a refresh, a revocation, or something that was noticed.

    Attributes:
        message: for people.
        event: for programs: a word for what happened; `docs/logging.md` lists them.
        reason: for programs: why, as a word; empty if there is only one reason.
        generation: of the login's token; None if it is about none.
        warning: whether something failed.
        debug: whether it only says why a token was or was not refreshed.
    """

    __slots__ = __match_args__ = ("message", "event", "reason", "generation", "warning", "debug")

    def __init__(
        self,
        message: str,
        *,
        event: str,
        reason: str = "",
        generation: int | None = None,
        warning: bool = False,
        debug: bool = False,
    ) -> None:
        self.message = message
        self.event = event
        self.reason = reason
        self.generation = generation
        self.warning = warning
        self.debug = debug


class WithLock(Effect[T | Busy]):
    """Run a flow under the login's lock, which no other caller holds, in this process or another.

    Callers in one process that give the same purpose share one run and its outcome. `timeout` is in seconds.
    """

    __slots__ = __match_args__ = ("flow", "purpose", "timeout")

    def __init__(self, flow: Callable[[], Flow[T]], *, purpose: Hashable = None, timeout: float = 0.0) -> None:
        self.flow = flow
        self.purpose = purpose
        self.timeout = timeout


class ForAccount(Effect[T]):
    """Run a flow for another account of the same app and service, in the same store."""

    __slots__ = __match_args__ = ("account", "flow")

    def __init__(self, account: str, flow: Callable[[], Flow[T]]) -> None:
        self.account = account
        self.flow = flow


class Shielded(Effect[T]):
    """Run a flow that nothing short of SIGKILL stops; what came meanwhile is raised after it."""

    __slots__ = __match_args__ = ("flow",)

    def __init__(self, flow: Callable[[], Flow[T]]) -> None:
        self.flow = flow


# ---------------------------------------------------------------- signing in
class ShowStep(Effect[None]):
    """Show the user a step."""

    __slots__ = __match_args__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step


class PromptUser(Effect[str]):
    """Show the user a step and return what they answer."""

    __slots__ = __match_args__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step


class WithLoopbackServer(Effect[T]):
    """Listen on a loopback redirect address while a flow runs; it is given the address that is really listened on."""

    __slots__ = __match_args__ = ("redirect_uri", "flow")

    def __init__(self, redirect_uri: str, flow: Callable[[str], Flow[T]]) -> None:
        self.redirect_uri = redirect_uri
        self.flow = flow


class AwaitRedirect(Effect[T | None]):
    """Wait for the redirected browser; None after the timeout. A visit for which `read` returns None gets an error."""

    __slots__ = __match_args__ = ("read", "seconds")

    def __init__(self, read: Callable[[str], T | None], seconds: float) -> None:
        self.read = read
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"AwaitRedirect({self.seconds} s)"  # what it reads by holds the state
