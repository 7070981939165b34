"""What a flow asks its driver to do, and the answer that it gets.

A flow is a generator: `reply = yield from Send(request)`. A driver performs each effect, blocking or async, and sends
the answer back in; a failure is thrown in where the effect was yielded. The lock and the shield hold a flow of their
own, so that neither can be left open.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from traktauth.models import Record, Renewal, Token
from traktauth.wire.messages import Reply, Request

if TYPE_CHECKING:
    from traktauth.flow.steps import Step

T = TypeVar("T")


class Effect(Generic[T]):
    """One thing to be done outside; its answer is a *T*.

    Effects are values: equal where their parts are. They are written out, not made by `dataclass`, as that would cost
    a third of the time in which the whole package is imported.
    """

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __iter__(self) -> Generator[Self, T, T]:
        """Yield the effect to the driver and return its answer."""
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
    """Somebody else holds the lock."""

    BUSY = "busy"


BUSY = Busy.BUSY


class NoReply:
    """No reply came.

    Attributes:
        sent: whether a byte of the request may have left; if not, it is certain that nothing was spent.
        reason: in words, without an address's query.
    """

    __slots__ = ("reason", "sent")

    def __init__(self, sent: bool, reason: str) -> None:  # noqa: FBT001 - its only question
        self.sent = sent
        self.reason = reason

    def __repr__(self) -> str:
        return f"NoReply(sent={self.sent}, {self.reason!r})"


class Send(Effect[Reply | NoReply]):
    """Send one request, within 20 s, without following redirects or trying twice."""

    __slots__ = __match_args__ = ("request",)

    def __init__(self, request: Request) -> None:
        self.request = request


class Load(Effect[Record]):
    """Read the login's record."""

    __slots__ = ()


class Begin(Effect[bool]):
    """Take the right to send this generation's refresh token; given once an attempt, durable when it returns."""

    __slots__ = __match_args__ = ("generation", "attempt")

    def __init__(self, generation: int, attempt: int) -> None:
        self.generation = generation
        self.attempt = attempt


class Cancel(Effect[None]):
    """Give the right to send back, as the token is known to be unspent; `before` stood open before this attempt."""

    __slots__ = __match_args__ = ("generation", "attempt", "before")

    def __init__(self, generation: int, attempt: int, before: Renewal | None) -> None:
        self.generation = generation
        self.attempt = attempt
        self.before = before


class Save(Effect[bool]):
    """Save a pair; False where another pair than `after` is the newest by now."""

    __slots__ = __match_args__ = ("token", "after")

    def __init__(self, token: Token, after: int) -> None:
        self.token = token
        self.after = after


class Keep(Effect[None]):
    """Hold a pair that could not be saved in memory, serve it, and save it at the next chance."""

    __slots__ = __match_args__ = ("token", "after")

    def __init__(self, token: Token, after: int) -> None:
        self.token = token
        self.after = after


class Mark(Effect[None]):
    """Note why this generation must not be renewed; None: it may be."""

    __slots__ = __match_args__ = ("generation", "why")

    def __init__(self, generation: int, why: str | None) -> None:
        self.generation = generation
        self.why = why


class Forget(Effect[None]):
    """Forget the pair of this generation; the generation stays, so that it only grows."""

    __slots__ = __match_args__ = ("generation",)

    def __init__(self, generation: int) -> None:
        self.generation = generation


class TryStore(Effect[None]):
    """Show with a trial write that the store can save."""

    __slots__ = ()


class Sleep(Effect[None]):
    """Wait some seconds."""

    __slots__ = __match_args__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Note(Effect[None]):
    """Write a line to the log: of a sign-in, a renewal, a revocation, or something that was noticed."""

    __slots__ = __match_args__ = ("message", "warning")

    def __init__(self, message: str, *, warning: bool = False) -> None:
        self.message = message
        self.warning = warning


class Exclusively(Effect[T | Busy]):
    """Run a flow while nobody else, in this process or another, runs one for the same login.

    Callers in one process that give the same purpose share one run and its outcome. `patience` is in seconds.
    """

    __slots__ = __match_args__ = ("flow", "purpose", "patience")

    def __init__(self, flow: Callable[[], Flow[T]], *, purpose: Hashable = None, patience: float = 0.0) -> None:
        self.flow = flow
        self.purpose = purpose
        self.patience = patience


class Shielded(Effect[T]):
    """Run a flow that nothing short of SIGKILL stops; what came meanwhile is raised after it."""

    __slots__ = __match_args__ = ("flow",)

    def __init__(self, flow: Callable[[], Flow[T]]) -> None:
        self.flow = flow


# ---------------------------------------------------------------- signing in
class Tell(Effect[None]):
    """Show the person a step."""

    __slots__ = __match_args__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step


class Ask(Effect[str]):
    """Show the person a step and return what they answer."""

    __slots__ = __match_args__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step


class Listening(Effect[T]):
    """Listen on a loopback redirect address while a flow runs; it is given the address that is really listened on."""

    __slots__ = __match_args__ = ("redirect_uri", "flow")

    def __init__(self, redirect_uri: str, flow: Callable[[str], Flow[T]]) -> None:
        self.redirect_uri = redirect_uri
        self.flow = flow


class Arrival(Effect[T | None]):
    """Wait for a redirected browser; visits that `read` takes for no answer are turned away. None: nobody came."""

    __slots__ = __match_args__ = ("read", "seconds")

    def __init__(self, read: Callable[[str], T | None], seconds: float) -> None:
        self.read = read
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"Arrival({self.seconds} s)"  # what it reads by holds the state
