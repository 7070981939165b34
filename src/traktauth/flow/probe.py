"""A probe: a refresh request with a made-up refresh token, which spends nothing and shows whether the endpoint works.

Its outcome is kept with the store, so that all processes share it.
"""

from __future__ import annotations

from http import HTTPStatus

from traktauth.errors import AppRejected, TraktAuthError, TryLater
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import Apply, Flow, LoadProbe, LogMessage, NoResponse, Send, Sleep
from traktauth.models.changes import SwapProbe
from traktauth.models.record import Probe
from traktauth.timeouts import REQUEST_TIMEOUT
from traktauth.wire.error_responses import error_code, judge_probe, parse_retry_after, safe_error_code
from traktauth.wire.messages import Response
from traktauth.wire.token_endpoint import build_refresh_request

# Seconds between two probes: after one that shows that the endpoint works, and after the first that fails; it doubles.
MIN_WAIT = 10.0
MAX_WAIT = 300.0
# Seconds after a 429 that does not say how long to wait.
LIMITED_WAIT = 61.0
_FORGOTTEN_AFTER = 3600.0  # seconds after which failures do not count any more
# Seconds for which the probe of another process is waited for, and between two looks at it.
_WAIT_FOR_ANOTHER = 5.0
_PAUSE = 0.25
_TRIES = 100  # a probe is taken over only by one that has just been made, so this is never reached


def check_endpoint(context: FlowContext, *, since: float = 0.0) -> Flow[bool]:
    """Return when a probe has shown that the token endpoint works; True if it was made here.

    Args:
        context: the context.
        since: Unix seconds; an earlier probe shows nothing.

    Raises:
        TryLater: the endpoint does not work, or no probe may be made yet.
        AppRejected: Trakt refused the app.
        StoreFailed: the store cannot keep the probe.
    """
    waits_until = context.monotonic() + _WAIT_FOR_ANOTHER
    for _ in range(_TRIES):
        last = yield from LoadProbe()
        now = context.clock()
        left = time_left(last, now)
        if last is not None and left > 0:
            if last.outcome == "healthy" and (last.at >= since or since > now):
                return False
            if last.outcome != "pending" or context.monotonic() >= waits_until:
                raise _as_error(last, left)
            yield from Sleep(_PAUSE)
            continue
        mine = Probe(now, "pending", REQUEST_TIMEOUT, failures=_failures(last, now), reason="a probe is under way")
        if (yield from Apply(SwapProbe(last, mine))):
            yield from _make(context, mine)
            return True
    raise TryLater("Other programs are probing Trakt's token endpoint", retry_after=MIN_WAIT)


def _make(context: FlowContext, mine: Probe) -> Flow[None]:
    response = yield from Send(build_refresh_request(context.service, context.app, context.new_secret()))
    made = _judge(response, context.clock(), mine.failures)
    yield from Apply(SwapProbe(mine, made))  # if another one has replaced it meanwhile, that one counts for the others
    if made.outcome == "healthy":
        return
    text = f"a probe of Trakt's token endpoint failed: {made.reason}"
    yield from LogMessage(text, event="probe-failed", reason=made.outcome, warning=True)
    raise _as_error(made, made.wait)


def _judge(response: Response | NoResponse, now: float, failures: int) -> Probe:
    if isinstance(response, NoResponse):
        return _failure(now, failures, response.reason)
    outcome = judge_probe(response)
    if outcome == "healthy":
        return Probe(now, outcome, MIN_WAIT)
    if outcome == "limited":
        asked = parse_retry_after(response)
        wait = max(MIN_WAIT, LIMITED_WAIT if asked is None else asked)
        return Probe(now, outcome, wait, failures, "too many requests (429)")
    if outcome == "rejected":
        return Probe(now, outcome, MIN_WAIT, failures, error_code(response))
    named = f"{response.status} {safe_error_code(error_code(response))}".strip()
    if response.status == HTTPStatus.OK and not response.document():
        return _failure(now, failures, f"it answered {named} without JSON: a web page of a proxy or a captcha")
    if response.status == HTTPStatus.OK:
        return _failure(now, failures, f"it answered {named} to a refresh token that does not exist")
    return _failure(now, failures, f"it answered {named}")


def _failure(now: float, failures: int, reason: str) -> Probe:
    wait = min(MAX_WAIT, MIN_WAIT * 2.0 ** min(failures, 10))
    return Probe(now, "failed", wait, failures + 1, reason)


def time_left(probe: Probe | None, now: float) -> float:
    """Return the seconds until another probe may be made.

    A time that lies further ahead than a wait is of a clock that was wrong, and counts for nothing.
    """
    if probe is None or abs(now - probe.at) >= probe.wait:
        return 0.0
    return min(probe.wait, probe.wait - (now - probe.at))


def _failures(last: Probe | None, now: float) -> int:
    if last is None or abs(now - last.at) > last.wait + _FORGOTTEN_AFTER:
        return 0
    return last.failures


def _as_error(probe: Probe, left: float) -> TraktAuthError:
    if probe.outcome == "rejected":
        code = safe_error_code(probe.reason)
        return AppRejected(f"Trakt refused the app when its token endpoint was probed ({code})", error=code)
    if probe.outcome == "healthy":
        return TryLater("A refresh was sent after Trakt's token endpoint was last probed", retry_after=left)
    if probe.outcome == "limited":
        return TryLater("Trakt is being asked too often (429)", retry_after=left, status=HTTPStatus.TOO_MANY_REQUESTS)
    return TryLater(
        f"Trakt's token endpoint does not work ({probe.reason}), so the refresh token is not sent again yet",
        retry_after=left,
    )


def withdraw_healthy(context: FlowContext, reason: str) -> Flow[None]:
    """Let the healthy probe not count any more, as a refresh that was sent after it got no clear response."""
    last = yield from LoadProbe()
    if last is not None and last.outcome == "healthy" and time_left(last, context.clock()) > 0:
        yield from Apply(SwapProbe(last, Probe(last.at, "failed", last.wait, 1, reason)))
