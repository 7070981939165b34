"""The blocking driver: performs each effect of a flow and sends its result back into the flow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from traktauth.client.driver.bound_store import BoundStore
from traktauth.client.driver.shield import (
    Unfinished,
    deferring_signals,
    shielded_work,
    uninterrupted,
    wait_for_own_work,
)
from traktauth.client.driver.single_flight import run_shared
from traktauth.errors import LoginMoved, TryLater
from traktauth.flow.effects import (
    BUSY,
    Apply,
    AwaitRedirect,
    CheckWritable,
    Effect,
    Flow,
    ForAccount,
    HoldUnsaved,
    LogMessage,
    NoResponse,
    PromptUser,
    Send,
    Shielded,
    ShowStep,
    Sleep,
    WithLock,
    WithLoopbackServer,
)
from traktauth.log_fields import log_fields
from traktauth.models import LoginKey
from traktauth.models.changes import BeginRefresh
from traktauth.stores.base import TokenStore
from traktauth.stores.errors import call_store, store_failed
from traktauth.wire.messages import Request, Response

if TYPE_CHECKING:
    from traktauth.client.login.ui import LoginUI

T = TypeVar("T")
LOGGER = "traktauth"
_LOOK = 0.1  # seconds between two looks at whether the caller of a thread has given up
WAITS = LogMessage("waits for the refresh that another call of this program makes", event="refresh-shared", debug=True)


class Driver:
    """Runs flows in the caller's thread.

    Args:
        bound_store: the login in its store; None for flows that need no store.
        send: sends one request.
        ui: shows steps and takes answers; None for flows without a sign-in.
        sleep: waits, in seconds.
        unfinished: counts the refreshes that are under way.
        prepare: makes sure that a request can be sent, or raises TryLater; called before one is recorded as sent.
    """

    def __init__(
        self,
        bound_store: BoundStore | None,
        send: Callable[[Request], Response | NoResponse],
        *,
        ui: LoginUI | None = None,
        sleep: Callable[[float], None] = time.sleep,
        unfinished: Unfinished | None = None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._bound_store = bound_store
        self._send = send
        self._ui = ui
        self._sleep = sleep
        self._unfinished = unfinished or Unfinished()
        self._prepare = prepare

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value.

        Raises:
            BaseException: what the flow raises; an error of the driver is thrown into the flow first.
        """
        answer: Any = None
        failure: BaseException | None = None
        while True:
            try:
                effect = flow.send(answer) if failure is None else flow.throw(failure)
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                answer, failure = self.perform(effect), None
            except BaseException as error:  # noqa: BLE001 - the flow decides
                answer, failure = None, error

    def perform(self, effect: Effect[Any]) -> object:
        """Perform one effect and return its result."""
        bound_store = self._bound_store
        if bound_store is not None and (call := bound_store.call(effect)) is not None:
            if may_send(effect):
                self._prepare()
            return bound_store.perform(call)
        match effect:
            case Send(request):
                return self._sent(request)
            case Sleep(seconds):
                return self._sleep(seconds)
            case LogMessage():
                write_log(effect, None if self._bound_store is None else self._bound_store.login)
            case WithLock():
                return self._exclusively(effect)
            case Shielded():
                return self._shielded(effect)
            case _:
                return self._perform_login(effect)
        return None

    def _sent(self, request: Request) -> Response | NoResponse:
        """Send a request; an error of the sending becomes the response, as the flow has to cancel the refresh."""
        try:
            return self._send(request)
        except Exception as error:  # noqa: BLE001 - judged there
            return no_response(error, has_store=self._bound_store is not None)

    def _perform_login(self, effect: Effect[Any]) -> object:
        ui = self._ui
        match effect:
            case HoldUnsaved() if self._bound_store is not None:
                self._bound_store.keep(effect)
            case ForAccount(account, flow) if self._bound_store is not None:
                return self._run_for(self._bound_store.with_account(account), flow)
            case ShowStep(step) if ui is not None:
                ui.tell(step)
            case PromptUser(step) if ui is not None:
                return ui.ask(step)
            case WithLoopbackServer(redirect_uri, flow) if ui is not None:
                with ui.listening(redirect_uri) as actual:
                    return self.run(flow(actual))
            case AwaitRedirect() if ui is not None:
                return ui.arrival(effect)
            case _:
                raise AssertionError(f"this driver cannot perform {type(effect).__name__}")
        return None

    def _run_for(self, bound_store: BoundStore, flow: Callable[[], Flow[T]]) -> T:
        """Run a flow for another login, in the store that it was moved to if it was."""
        while True:
            try:
                return Driver(bound_store, self._send, sleep=self._sleep).run(flow())
            except LoginMoved as moved:
                bound_store = bound_store.follow(moved)

    def _exclusively(self, effect: WithLock[T]) -> object:
        bound_store = self._bound_store
        if bound_store is None:
            raise AssertionError("a lock needs a store")
        mine, mark = (threading.get_ident(), bound_store.store.identity, bound_store.login), _Mark()
        if mine in _leading:
            # This is a signal handler, and the call below it on the stack goes on only when the handler returns.
            wait_for_own_work(effect.timeout)
            return BUSY
        try:
            _leading[mine] = mark
            if effect.purpose is None:
                return self.lead(effect)
            key = (bound_store.store.identity, bound_store.login, effect.purpose)
            log = partial(write_log, WAITS, bound_store.login)
            return run_shared(key, partial(self.lead, effect), effect.timeout, on_wait=log)
        finally:
            _leading.pop(mine, None)

    def lead(self, effect: WithLock[T], claim: threading.Lock | None = None) -> object:
        """Run a flow under the lock; what the lock itself raises is raised as StoreFailed, or logged after the flow.

        Args:
            effect: the flow, and how long to wait for the lock.
            claim: taken when the flow begins; BUSY is returned if the caller has taken it before, and gives up so.
        """
        left = effect.timeout
        while True:
            timeout = left if claim is None else min(left, _LOOK)
            outcome = self._run_locked(effect, timeout, claim)
            left -= timeout
            if outcome is not BUSY or left <= 0 or (claim is not None and claim.locked()):
                return outcome

    def _run_locked(self, effect: WithLock[T], timeout: float, claim: threading.Lock | None) -> object:
        bound_store = self._bound_store
        if bound_store is None:
            raise AssertionError("a lock needs a store")
        running = Running()
        try:
            lock = call_store(lambda: bound_store.store.lock(bound_store.login, timeout), bound_store.store)
            with lock as held, running as end:
                begins = held and (claim is None or claim.acquire(blocking=False))
                outcome = self.run(effect.flow()) if begins else BUSY
                end(outcome)
        except BaseException as error:  # noqa: BLE001 - judged there
            return running.judge(error, bound_store.store)
        return outcome

    def _shielded(self, effect: Shielded[T]) -> T:
        with deferring_signals():
            return uninterrupted(lambda: self.run_shielded(effect))

    def run_shielded(self, effect: Shielded[T]) -> T:
        """Run a flow in a thread that nothing interrupts: `close` and default-handled signals wait for its end."""
        with self._unfinished, shielded_work():
            return self.run(effect.flow())


class _Mark:
    """Lives as long as the call that made it, though a signal handler raises before the call takes it back."""


# The threads that hold, or wait for, a login's lock.
_leading: WeakValueDictionary[tuple[int, Hashable, LoginKey], _Mark] = WeakValueDictionary()


def may_send(effect: Effect[Any]) -> bool:
    """Return whether the flow depends on being able to send after this effect."""
    return isinstance(effect, CheckWritable) or (isinstance(effect, Apply) and isinstance(effect.change, BeginRefresh))


def write_log(message: LogMessage, login: LoginKey | None) -> None:
    """Write a flow's message to the log.

    The record's `account`, `service`, `note`, `event`, `reason` and `generation` are attributes, so that a formatter or
    filter can use them.

    Args:
        message: the message.
        login: which login it is about; None for an operation without one.
    """
    import logging  # noqa: PLC0415 - a program with a valid token logs nothing

    logger = logging.getLogger(LOGGER)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # or Python writes warnings to stderr without the logger's name
    level = logging.WARNING if message.warning else logging.DEBUG if message.debug else logging.INFO
    account, service = ("", "") if login is None else (login.account, login.realm)
    fields = log_fields(
        message.event, reason=message.reason, generation=message.generation, account=account, service=service
    )
    extra = {**fields, "note": message.message}
    with suppress(Exception):  # what a handler of the application's raises must not cost a token
        if login is None:
            logger.log(level, "%s", message.message, extra=extra)
        else:
            logger.log(level, "%s: %s", account, message.message, extra=extra)


def no_response(error: Exception, *, has_store: bool) -> NoResponse:
    """Return what became of a request whose sending raised an exception.

    Raises:
        TryLater: the HTTP client could not be made, and no store has recorded the request as sent.
    """
    if isinstance(error, TryLater):  # nothing was sent
        if not has_store:
            raise error
        return NoResponse(sent=False, reason=error.message)
    return NoResponse(sent=True, reason=type(error).__name__)


class Running:
    """A flow under a lock; entered while the flow runs, to tell its errors from those of the lock."""

    def __init__(self) -> None:
        self._error: BaseException | None = None
        self._outcomes: list[Any] = []

    def __enter__(self) -> Callable[[Any], None]:
        return self._outcomes.append

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._error = error

    def judge(self, error: BaseException, store: TokenStore) -> object:
        """Return the outcome of a flow whose lock could not be released; else raise the error."""
        if not isinstance(error, Exception):
            raise error
        if self._error is not None:
            raise self._error
        if not self._outcomes:
            raise store_failed(error, store)
        failed = store_failed(error, store)
        text = f"a lock could not be released: {failed.message}"
        write_log(LogMessage(text, event="store-failed", warning=True), None)
        return self._outcomes[-1]
