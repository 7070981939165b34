"""What a flow asks its driver to do, and the answer that it gets.

A flow is a generator: `reply = yield from Send(request)`. A driver performs each effect, blocking or async, and sends
the answer back in; a failure is thrown in where the effect was yielded. The lock and the shield hold a flow of their
own, so that neither can be left open.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from traktauth.models import Record, Renewal, Token
from traktauth.wire.messages import Reply, Request

if TYPE_CHECKING:
    from traktauth.flow.steps import Step

T = TypeVar("T")


class Effect(Generic[T]):
    """One thing to be done outside; its answer is a *T*."""

    __slots__ = ()

    def __iter__(self) -> Generator[Self, T, T]:
        """Yield the effect to the driver and return its answer."""
        return (yield self)


Flow = Generator[Effect[Any], Any, T]


class Busy(Enum):
    """Somebody else holds the lock."""

    BUSY = "busy"


BUSY = Busy.BUSY


@dataclass(frozen=True, slots=True)
class NoReply:
    """No reply came.

    Attributes:
        sent: whether a byte of the request may have left; if not, it is certain that nothing was spent.
        reason: in words, without an address's query.
    """

    sent: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Send(Effect[Reply | NoReply]):
    """Send one request, within 20 s, without following redirects or trying twice."""

    request: Request


@dataclass(frozen=True, slots=True)
class Load(Effect[Record]):
    """Read the login's record."""


@dataclass(frozen=True, slots=True)
class Begin(Effect[bool]):
    """Take the right to send this generation's refresh token; given once an attempt, durable when it returns."""

    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Cancel(Effect[None]):
    """Give the right to send back, as the token is known to be unspent."""

    generation: int
    attempt: int
    before: Renewal | None  # what stood open before this attempt


@dataclass(frozen=True, slots=True)
class Save(Effect[bool]):
    """Save a pair; False where another pair than `after` is the newest by now."""

    token: Token
    after: int


@dataclass(frozen=True, slots=True)
class Keep(Effect[None]):
    """Hold a pair that could not be saved in memory, serve it, and save it at the next chance."""

    token: Token
    after: int


@dataclass(frozen=True, slots=True)
class Mark(Effect[None]):
    """Note why this generation must not be renewed; None: it may be."""

    generation: int
    why: str | None


@dataclass(frozen=True, slots=True)
class Forget(Effect[None]):
    """Forget the pair of this generation; the generation stays, so that it only grows."""

    generation: int


@dataclass(frozen=True, slots=True)
class TryStore(Effect[None]):
    """Show with a trial write that the store can save."""


@dataclass(frozen=True, slots=True)
class Sleep(Effect[None]):
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Note(Effect[None]):
    """Write a line to the log: of a sign-in, a renewal, a revocation, or something that was noticed."""

    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Exclusively(Effect[T | Busy]):
    """Run a flow while nobody else, in this process or another, runs one for the same login.

    Callers in one process that give the same purpose share one run and its outcome.
    """

    flow: Callable[[], Flow[T]]
    purpose: Hashable = None
    patience: float = 0.0  # seconds to wait for the lock


@dataclass(frozen=True, slots=True)
class Shielded(Effect[T]):
    """Run a flow that nothing short of SIGKILL stops; what came meanwhile is raised after it."""

    flow: Callable[[], Flow[T]]


# ---------------------------------------------------------------- signing in
@dataclass(frozen=True, slots=True)
class Tell(Effect[None]):
    """Show the person a step."""

    step: Step


@dataclass(frozen=True, slots=True)
class Ask(Effect[str]):
    """Show the person a step and return what they answer."""

    step: Step


@dataclass(frozen=True, slots=True)
class Listening(Effect[T]):
    """Listen on a loopback redirect address while a flow runs; it is given the address that is really listened on."""

    redirect_uri: str
    flow: Callable[[str], Flow[T]]


@dataclass(frozen=True, slots=True)
class Arrival(Effect[T | None]):
    """Wait for a redirected browser; visits that `read` takes for no answer are turned away. None: nobody came."""

    read: Callable[[str], T | None] = field(repr=False)
    seconds: float
