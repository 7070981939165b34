"""One claimed login: renewed by the same flow as everybody's, and what came of it, told and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from traktauth.client.adrive import AsyncDriver
from traktauth.client.keeping import AsyncKeeping
from traktauth.errors import LoginRequired, StoreFailed, TraktAuthError, TryLater, UnexpectedReply
from traktauth.flow.lifecycle import refresh
from traktauth.flow.standing import not_renewable
from traktauth.keeper.events import Dead, Delayed, Dying, Renewed, Unconfirmed, Unsaved
from traktauth.models.due import due_at

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from traktauth.flow.effects import Exclusively, NoReply
    from traktauth.flow.terms import Terms
    from traktauth.keeper.asking import Asking
    from traktauth.keeper.claimed import ClaimedStore
    from traktauth.keeper.events import Event
    from traktauth.keeper.tally import Summary
    from traktauth.models import Login, Record
    from traktauth.stores.fleet import FleetStore
    from traktauth.wire.messages import Reply, Request

T = TypeVar("T")

_SHORTEST_DELAY = 30.0
_LONGEST_DELAY = 3600.0
# Why there is nothing to renew any more, and nothing to tell either: its user, or its owner, wanted it so.
_GONE = {"never", "signed-out", "moved"}
_WHILE_IT_IS_MOVED = 3600.0  # seconds between two looks at a login whose move was cut off
# Reasons that the flow itself does not write down; without that the login would be taken up again at once.
_UNMARKED = {
    "reply-lost": "the answer to its last renewal was lost",
    "expired": "Trakt gave no refresh token",
}


class Renewing:
    """Renews claimed logins.

    Args:
        store: where they rest.
        claimed: the same, as flows see it.
        terms: the flows' givens.
        asking: sends requests.
        tell: hears what happens.
        tally: counts it.

    Attributes:
        unsaved: logins whose new pair is held in memory, as the store failed.
    """

    def __init__(
        self,
        store: FleetStore,
        claimed: ClaimedStore,
        terms: Terms,
        *,
        asking: Asking,
        tell: Callable[[Event], None],
        tally: Summary,
    ) -> None:
        self._store = store
        self._claimed = claimed
        self._terms = terms
        self._asking = asking
        self._tell = tell
        self._tally = tally
        self.unsaved: list[AsyncKeeping] = []

    async def renew(self, login: Login, record: Record) -> None:
        """Renew one login, and tell what came of it.

        Raises:
            AppRejected: Trakt refuses the app, and so every other login's renewal.
        """
        sent = False

        async def send(request: Request) -> Reply | NoReply:
            nonlocal sent
            sent = True
            return await self._asking.send(request)

        self._claimed.know(login, record)
        keeping = _SharedKeeping(self._claimed, login, self._terms.clock, place=self._store.identity)
        try:
            token = await _ClaimedDriver(keeping, send).run(refresh(self._terms))
        except LoginRequired as error:
            await self._ended(login, record, error)
        except (TryLater, UnexpectedReply, StoreFailed) as error:
            if isinstance(error, StoreFailed) and error.kept:
                self._hold(keeping, error)
            else:
                await self._failed(login, record, error, sent=sent)
        else:
            if not sent:  # somebody else has renewed it since it was claimed
                self._tally.passed += 1
                return
            self._tally.renewed += 1
            self._tell(Renewed(login, token.fingerprint, token.generation))
        finally:
            self._claimed.lose(login)

    def holds_unsaved(self, login: Login) -> bool:
        """Tell whether a login's new pair is held here; nobody must send its old one."""
        return any(keeping.login == login for keeping in self.unsaved)

    async def save_again(self) -> None:
        """Save what could not be saved before, where the store is well again."""
        for keeping in tuple(self.unsaved):
            try:
                record = await keeping.load()
            except StoreFailed:
                continue
            if keeping.holds_unsaved:
                continue
            self.unsaved.remove(keeping)
            self._tally.unsaved -= 1
            self._tally.renewed += 1
            if record.token is not None:
                self._tell(Renewed(keeping.login, record.token.fingerprint, record.generation))

    def _hold(self, keeping: AsyncKeeping, error: StoreFailed) -> None:
        self.unsaved.append(keeping)
        self._tally.unsaved += 1
        self._tell(Unsaved(keeping.login, error.message))

    async def _ended(self, login: Login, record: Record, error: LoginRequired) -> None:
        """Mark a login that cannot be renewed, so that it is not taken up again, and tell it once."""
        if record.renewal is not None and record.renewal.moving:
            self._tally.delayed += 1
            until = self._terms.clock() + _WHILE_IT_IS_MOVED
            await self._store.postpone(login, record.generation, until=until)
            self._tell(Delayed(login, f"{error.message}. {error.hint}", until))
            return
        if error.reason in _GONE:
            self._tally.passed += 1
            return
        why = _UNMARKED.get(error.reason)
        if why is not None and (await self._store.load(login)).renewable:
            await self._store.mark(login, record.generation, why)
        await self._tell_end(login, record, error.message)

    async def tell_end(self, login: Login, record: Record) -> None:
        """Tell of a login that was marked as not renewable, by whomever: while its token lives, and when that ends."""
        error = not_renewable(record)
        if error is not None:
            await self._tell_end(login, record, error.message)

    async def _tell_end(self, login: Login, record: Record, why: str) -> None:
        good_until = record.token.expires_at if record.token else 0.0
        lives = good_until > self._terms.clock()
        event: Event = Dying(login, why, good_until) if lives else Dead(login, why)
        if await self._store.tell_once(login, record.generation, "dying" if lives else "dead"):
            self._tally.dying += lives
            self._tally.dead += not lives
            self._tell(event)
        if lives:
            await self._store.postpone(login, record.generation, until=good_until)
        else:
            await self._store.settle(login, record.generation)

    async def _failed(self, login: Login, record: Record, error: TraktAuthError, *, sent: bool) -> None:
        """Come back later: at the token's end where the answer was lost, else after a while."""
        if error.unconfirmed:
            self._tally.unconfirmed += 1
            good_until = record.token.expires_at if record.token else 0.0
            if await self._store.tell_once(login, record.generation, "unconfirmed"):
                self._tell(Unconfirmed(login, error.message, good_until))
            return
        if not sent and isinstance(error, TryLater):
            self._tally.passed += 1
        else:
            self._tally.delayed += 1
        until = self._terms.clock() + self._delay(login, record, error)
        if not isinstance(error, StoreFailed):
            await self._store.postpone(login, record.generation, until=until)
        self._tell(Delayed(login, error.message, until))

    def _delay(self, login: Login, record: Record, error: TraktAuthError) -> float:
        """Return the seconds to the next try.

        Where Trakt itself refused, they are the more the longer the login is overdue, but leave tries before its token
        ends. Where it was not reached, the breaker paces the fleet, and nothing speaks against this login.
        """
        token, now = record.token, self._terms.clock()
        asked = error.retry_after if isinstance(error, TryLater) else 0.0
        reached = not isinstance(error, TryLater) or error.status is not None
        patience = 0.0
        if token is not None and reached:
            patience = min(now - due_at(login, token), max(0.0, token.expires_at - now) / 4)
        return min(max(asked, patience, _SHORTEST_DELAY), _LONGEST_DELAY)


class _ClaimedDriver(AsyncDriver):
    """A driver of claimed logins: the claim is the lock, and nobody in this process shares a run with a keeper."""

    async def _exclusively(self, effect: Exclusively[T]) -> Any:  # noqa: ANN401 - the flow's outcome
        return await self.run(effect.flow())


class _SharedKeeping(AsyncKeeping):
    """A pair that could not be saved is held for every object of this process over the same store, not for one keeper.

    So a client beside the keeper is served it, and the next step of a scheduler saves it.
    """

    def __init__(self, store: ClaimedStore, login: Login, clock: Callable[[], float], *, place: Hashable) -> None:
        super().__init__(store, login, clock)
        self._shared = place

    def _place(self) -> Hashable:
        return self._shared, self.login
