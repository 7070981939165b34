"""Refresh one claimed login with the same flow as every client, and report and count the result."""

from __future__ import annotations

from functools import partial

from traktauth.errors import LoginMoved, LoginRequired, StoreFailed, TraktAuthError, TryLater, UnexpectedReply
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import NoResponse
from traktauth.flow.refresh import refresh
from traktauth.flow.refresh_policy import NO_REFRESH_TOKEN, not_refreshable
from traktauth.keeper.circuit_breaker import HealthAwareSender
from traktauth.keeper.config import KeeperContext
from traktauth.keeper.driver import ClaimedLogin, KeeperDriver, StoreHealth
from traktauth.keeper.events import Delayed, Expired, Expiring, Refreshed, Unconfirmed, Unsaved
from traktauth.models import LoginKey, Record, Token
from traktauth.models.changes import SetRefreshable
from traktauth.models.refresh_window import due_at
from traktauth.wire.messages import Request, Response

# Seconds.
MIN_DELAY = 30.0
MAX_DELAY = 3600.0
_DELAY_WHILE_MOVING = 3600.0
# Reasons why there is nothing to refresh, and nothing to report either: its user or its owner wanted it so.
_NOTHING_TO_REPORT = {"never", "signed-out", "moved"}


class Refresher:
    """Refreshes claimed logins.

    Args:
        context: the keeper's.
        health: gets the outcome of each write to the store.
        flow_context: what the flows need to know.
        sender: sends requests.

    Attributes:
        unsaved: logins whose new token is held in memory because the store failed.
    """

    def __init__(
        self,
        context: KeeperContext,
        health: StoreHealth,
        flow_context: FlowContext,
        *,
        sender: HealthAwareSender,
    ) -> None:
        self._context = context
        self._store = context.store
        self._in_thread = context.in_thread
        self._health = health
        self._flow_context = flow_context
        self._sender = sender
        self._summary = context.summary
        self.unsaved: list[ClaimedLogin] = []

    async def refresh(self, login: LoginKey, record: Record) -> None:
        """Refresh one login, and report the result.

        Raises:
            AppRejected: Trakt refuses the app, so every other refresh would fail too.
            StoreFailed: the store could not be read or written.
        """
        sent = False

        async def send(request: Request) -> Response | NoResponse:
            nonlocal sent
            sent = True
            return await self._sender.send(request)

        bound_store = ClaimedLogin(self._store, login, self._flow_context.clock, record, self._health)
        try:
            token = await KeeperDriver(bound_store, send, self._in_thread).run(refresh(self._flow_context))
        except LoginRequired as error:
            await self._handle_login_required(login, record, error)
        except LoginMoved as error:
            await self._handle_moved(login, record, error)
        except (TryLater, UnexpectedReply, StoreFailed) as error:
            if isinstance(error, StoreFailed) and error.kept:
                self._track_unsaved(bound_store, error)
            else:
                await self._handle_failure(login, record, error, sent=sent)
        else:
            if not sent:  # another program has refreshed it since it was claimed
                self._summary.skipped += 1
                return
            self._summary.refreshed += 1
            self._context.on_event(Refreshed(login, token.fingerprint, token.generation))

    def holds_unsaved(self, login: LoginKey) -> bool:
        """Return whether a login's new token is held here; its old one must not be sent."""
        return any(each.login == login for each in self.unsaved)

    async def save_unsaved(self) -> None:
        """Save the tokens that could not be saved before, if the store works again."""
        for bound_store in tuple(self.unsaved):
            try:
                record = await self._in_thread(bound_store.load)
            except StoreFailed:
                continue
            if bound_store.holds_unsaved:
                continue
            self.unsaved.remove(bound_store)
            self._summary.unsaved -= 1
            self._summary.refreshed += 1
            if record.token is not None:
                self._context.on_event(Refreshed(bound_store.login, record.token.fingerprint, record.generation))

    async def report_not_refreshable(self, login: LoginKey, record: Record) -> None:
        """Report a login that was marked as not refreshable, while its token is valid and again when it expires."""
        error = not_refreshable(record)
        if error is not None:
            await self._report_end(login, record, error.message)

    def _track_unsaved(self, bound_store: ClaimedLogin, error: StoreFailed) -> None:
        self.unsaved.append(bound_store)
        self._summary.unsaved += 1
        self._context.on_event(Unsaved(bound_store.login, error.message))

    async def _handle_login_required(self, login: LoginKey, record: Record, error: LoginRequired) -> None:
        """Report a login that cannot be refreshed, and make sure that it never comes due again."""
        if record.pending_refresh is not None and record.pending_refresh.is_move:
            await self._delay_while_moving(login, record, error)
            return
        if error.reason in _NOTHING_TO_REPORT:
            self._summary.skipped += 1
            return
        if error.reason == "expired" and (await self._in_thread(partial(self._store.load, login))).refreshable:
            change = SetRefreshable(record.generation, NO_REFRESH_TOKEN, "expired")
            await self._in_thread(partial(self._store.apply, login, change))
        await self._report_end(login, record, error.message)

    async def _handle_moved(self, login: LoginKey, record: Record, error: LoginMoved) -> None:
        if error.is_finished:  # the keeper of the other store refreshes it
            self._summary.skipped += 1
        else:
            await self._delay_while_moving(login, record, error)

    async def _delay_while_moving(self, login: LoginKey, record: Record, error: TraktAuthError) -> None:
        self._summary.delayed += 1
        until = self._flow_context.clock() + _DELAY_WHILE_MOVING
        await self._defer(login, record, until)
        self._context.on_event(Delayed(login, f"{error.message}. {error.hint_command or error.hint}", until))

    async def _report_end(self, login: LoginKey, record: Record, reason: str) -> None:
        expires_at = record.token.expires_at if record.token else 0.0
        is_valid = expires_at > self._flow_context.clock() and record.rejected_at is None
        event = Expiring(login, reason, expires_at) if is_valid else Expired(login, reason)
        if await self._notify_once(login, record, event.kind):
            self._summary.expiring += is_valid
            self._summary.expired += not is_valid
            self._context.on_event(event)
        if is_valid:
            await self._defer(login, record, expires_at)
        else:
            await self._in_thread(partial(self._store.never_due, login, record.generation))

    async def _handle_failure(self, login: LoginKey, record: Record, error: TraktAuthError, *, sent: bool) -> None:
        """Try again later: when the token expires if the response was lost, else after a delay."""
        if error.unconfirmed:
            self._summary.unconfirmed += 1
            expires_at = record.token.expires_at if record.token else 0.0
            if await self._notify_once(login, record, Unconfirmed.kind):
                self._context.on_event(Unconfirmed(login, error.message, expires_at))
            until = self._flow_context.clock() + (error.retry_after if isinstance(error, TryLater) else MIN_DELAY)
            await self._defer(login, record, max(expires_at, until))
            return
        if not sent and isinstance(error, TryLater):
            self._summary.skipped += 1
        else:
            self._summary.delayed += 1
        now = self._flow_context.clock()
        until = now + delay_after(error, login, record.token, now=now)
        if not isinstance(error, StoreFailed):
            await self._defer(login, record, until)
        self._context.on_event(Delayed(login, error.message, until))
        if isinstance(error, StoreFailed):
            raise error

    async def _notify_once(self, login: LoginKey, record: Record, what: str) -> bool:
        """Return whether a user has not been told this yet, and note it."""
        return await self._in_thread(partial(self._store.record_notification, login, record.generation, what))

    async def _defer(self, login: LoginKey, record: Record, until: float) -> None:
        await self._in_thread(partial(self._store.defer, login, record.generation, until=until))


def delay_after(error: TraktAuthError, login: LoginKey, token: Token | None, *, now: float) -> float:
    """Return the seconds to the next attempt.

    If Trakt itself refused, the delay grows with how overdue the login is, capped at a quarter of the remaining
    lifetime of its token. If Trakt was not reached, the circuit breaker limits the rate, and this login is not to
    blame.

    Args:
        error: what the attempt raised.
        login: whose refresh failed.
        token: its token.
        now: Unix seconds.
    """
    asked = error.retry_after if isinstance(error, TryLater) else 0.0
    was_reached = not isinstance(error, TryLater) or error.status is not None
    backoff = 0.0
    if token is not None and was_reached:
        backoff = min(now - due_at(login, token), max(0.0, token.expires_at - now) / 4)
    return min(max(asked, backoff, MIN_DELAY), MAX_DELAY)
