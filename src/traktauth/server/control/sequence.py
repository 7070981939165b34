"""The log of requests as a sequence diagram: one arrow a request, with one sentence that says what it means."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from traktauth.server.control.token_tree import NO_APP, UNKNOWN_APP, Lookup
from traktauth.server.http.exchange import APP, BROWSER, UNREAD, Exchange, fingerprint
from traktauth.server.tokens import IssuedTokens

PARTIES = ("Browser", "App", "Trakt", "API")
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PENDING = ("400", "400 authorization_pending", "400 slow_down", "429")
"""How the results of polls begin that found no decision yet."""
MAX_LENGTH = 120


class Row(NamedTuple):
    """One arrow of the diagram.

    Attributes:
        number: the exchange's number.
        at: when it came, in Unix seconds.
        source: who sent the request: one of `PARTIES`, or `TEST`.
        target: who answered it.
        request: its method and path.
        parameters: its parameters, with fingerprints in place of secrets.
        result: the result, for developers.
        meaning: one sentence.
        kind: `good`, `bad` (refused), `alarm` (a replay that killed a family), `fault` (injected) or `plain`.
        polls: the polls of one device that this row stands for.
    """

    number: int
    at: float
    source: str
    target: str
    request: str
    parameters: str
    result: str
    meaning: str
    kind: str
    polls: int = 1


def select_exchanges(exchanges: Iterable[Exchange], most: int) -> list[tuple[Exchange, int]]:
    """Return the last entries, oldest first, each with the number of polls it stands for.

    Polls of one device code that follow each other while no decision was made become one exchange: the last of them.
    """
    shown: list[tuple[Exchange, int]] = []
    for exchange in exchanges:
        if shown and _is_pending_poll(exchange) and _is_pending_poll(shown[-1][0]):
            last, count = shown[-1]
            if _device_code_of_poll(last) == _device_code_of_poll(exchange):
                shown[-1] = (exchange, count + 1)
                continue
        shown.append((exchange, 1))
    return shown[-most:]


def row_of(exchange: Exchange, count: int, lookup: Lookup) -> Row:
    """Return the row of an exchange."""
    source, target = _parties(exchange)
    meaning, kind = _meaning(exchange, lookup)
    if meaning.startswith((f"{NO_APP} ", f"{UNKNOWN_APP} ")):
        meaning = meaning[0].upper() + meaning[1:]
    if count > 1:
        meaning = f"{meaning[:-1]} ({count} polls)."
    parameters, result = exchange.shown_parameters(), exchange.result()[:MAX_LENGTH]
    return Row(
        exchange.number, exchange.at, source, target, exchange.address, parameters, result, meaning, kind, count
    )  # fmt: skip


def client_id_of(exchange: Exchange) -> str:
    """Return the client id that a request names, empty if it names none."""
    return exchange.request.client_id or exchange.request.parameters.get("client_id", "")


def _parties(exchange: Exchange) -> tuple[str, str]:
    is_api = exchange.source == APP and exchange.path.startswith(("/users/", "/sync/"))
    return exchange.source, "API" if is_api else "Trakt"


def _meaning(exchange: Exchange, lookup: Lookup) -> tuple[str, str]:
    fault = exchange.fault
    if fault is None or not exchange.is_replaced:
        return _processed(exchange, lookup)
    if fault.drop == "before":
        return "An injected fault cut the connection. The request was not processed.", "fault"
    if fault.drop is None:
        return f"An injected fault answered {fault.status}.", "fault"
    meaning, kind = (
        _processed(exchange, lookup) if exchange.request is not UNREAD else ("The request was processed.", "")
    )
    what = "held the response back" if fault.drop == "hang" else "cut the connection: the response was lost"
    lost = f"{meaning} An injected fault {what}."
    return lost, "alarm" if kind == "alarm" else "fault"


def _processed(exchange: Exchange, lookup: Lookup) -> tuple[str, str]:
    """Return what a request means that was processed."""
    app = lookup.app(client_id_of(exchange))
    if exchange.killed_family and exchange.replayed is not None:
        killed = lookup.describe_killed(exchange.replayed, exchange.at)
        sent = f"Replay: {app} sent refresh token {exchange.replay} again, which was used before."
        return f"{sent} Trakt ended the whole family: {killed}.", "alarm"
    if exchange.sentence:
        return exchange.sentence, "plain"
    if exchange.failure:
        return _describe_refusal(exchange, app)
    if exchange.source == BROWSER:
        return _browser_step(exchange, app)
    if exchange.username:
        token = fingerprint(exchange.request.bearer)
        return f"The API accepted access token {token} of {exchange.username}.", "good"
    if exchange.issued:
        return _describe_issue(exchange, app, exchange.issued[0]), "good"
    return _other(exchange, app), "good"


def _describe_refusal(exchange: Exchange, app: str) -> tuple[str, str]:
    request, why = exchange.request, exchange.failure
    if request is UNREAD and exchange.status == HTTPStatus.TOO_MANY_REQUESTS:
        return f"{app} sent too many requests; the request was not read.", "bad"
    if _is_pending_poll(exchange):
        return f"{app} polled; the user has not decided yet.", "plain"
    if exchange.replay:
        return f"{app} sent refresh token {exchange.replay} again: refused.", "bad"
    if request.bearer:
        return f"The API refused access token {fingerprint(request.bearer)}: {why}.", "bad"
    grant = request.parameters.get("grant_type", "")
    what = {"authorization_code": "the exchange of its code", "refresh_token": "the refresh"}.get(grant, "the request")
    return f"Trakt refused {what} of {app}: {why}."[:300], "bad"


def _describe_issue(exchange: Exchange, app: str, issued: IssuedTokens) -> str:
    parameters = exchange.request.parameters
    access = f"access token {fingerprint(issued.access_token)}"
    both = f"{access} and refresh token {fingerprint(issued.refresh_token)}" if issued.refresh_token else access
    if parameters.get("refresh_token"):
        return f"{app} refreshed with {fingerprint(parameters['refresh_token'])} and got {both}."
    if parameters.get("grant_type") == "client_credentials":
        return f"{app} got {access} for itself."
    if exchange.path.endswith("/device/token") or parameters.get("grant_type") == DEVICE_GRANT:
        return f"{app} got {both} for its device."
    return f"{app} exchanged code {fingerprint(parameters.get('code', ''))} for {both}."


def _other(exchange: Exchange, app: str) -> str:
    token = fingerprint(exchange.request.parameters.get("token", ""))
    if exchange.path.endswith("/revoke"):
        return f"{app} revoked token {token}." if exchange.is_effective else f"{app} revoked nothing: {token}."
    if exchange.path.endswith("/introspect"):
        return f"{app} asked whether token {token} is active."
    if exchange.path.endswith("/device/code"):
        return f"{app} got a device code and a user code to show."
    return f"{app} got {exchange.result()}."


STEPS = {
    ("GET", "/sign-in"): "The browser shows the sign-in page.",
    ("GET", "/sign-up"): "The browser shows the sign-up page.",
    ("GET", "/consent"): "The browser asks the user whether {app} may have access.",
    ("GET", "/oauth/authorize/native"): "The browser shows the code to copy into the app.",
    ("POST", "/sign-out"): "The user signed out of the browser.",
    ("GET", "/activate"): "The browser asks for the code of a device.",
    ("POST", "/activate"): "The user entered the code of a device.",
    ("GET", "/activate/{code}"): "The browser asks whether the device is the user's.",
    ("GET", "/activate/done"): "The browser says that the device is signed in.",
    ("GET", "/activate/denied"): "The browser says that the device was denied.",
    ("GET", "/connected-apps"): "The browser lists the connected apps.",
    ("POST", "/connected-apps"): "The browser asks whether to revoke a connected app.",
}


def _browser_step(exchange: Exchange, app: str) -> tuple[str, str]:
    parts = urlsplit(exchange.location)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "code" in query:
        return f"Trakt sent the browser back to {app} with code {fingerprint(query['code'])}.", "good"
    if "error" in query and parts.scheme:
        return f"Trakt sent the browser back to {app} with the error {query['error'][:40]}.", "bad"
    failed = exchange.status >= HTTPStatus.BAD_REQUEST
    decision = exchange.request.parameters.get("decision", "")
    key = exchange.method, exchange.route
    if key == ("POST", "/sign-in"):
        return ("A sign-in was refused.", "bad") if failed else (f"{_user(exchange)} signed in.", "good")
    if key == ("POST", "/sign-up"):
        return ("A sign-up was refused.", "bad") if failed else ("A user made an account and signed in.", "good")
    if key == ("POST", "/activate/{code}") and not failed:
        return (f"{_user(exchange)} {'approved' if decision == 'approve' else 'denied'} the device.", "good")
    if key == ("POST", "/consent") and exchange.status == HTTPStatus.OK:
        return f"{_user(exchange)} {'allowed' if decision == 'approve' else 'denied'} {app} access.", "plain"
    if exchange.path.endswith("/authorize"):
        refused = f"Trakt refused the authorization request of {app}: {exchange.status}.", "bad"
        return refused if failed else (f"{app} sent the browser to Trakt to sign in.", "plain")
    if key == ("POST", "/connected-apps") and exchange.status == HTTPStatus.SEE_OTHER:
        is_revoked = query.get("done") == "revoked"
        return f"{_user(exchange)} {'revoked a connected app' if is_revoked else 'revoked no connected app'}.", "plain"
    sentence = STEPS.get(key, f"The browser opened {exchange.route}.").format(app=app)
    return (f"{sentence[:-1]}: {exchange.status}.", "bad") if failed else (sentence, "plain")


def _user(exchange: Exchange) -> str:
    return exchange.username or "A user"


def _is_pending_poll(exchange: Exchange) -> bool:
    return exchange.failure.partition(":")[0] in PENDING and bool(_device_code_of_poll(exchange))


def _device_code_of_poll(exchange: Exchange) -> str:
    """Return the device code that a request polls, empty if it polls none."""
    parameters = exchange.request.parameters
    if exchange.path.endswith("/device/token"):
        return parameters.get("device_code") or parameters.get("code", "")
    return parameters.get("device_code", "") if parameters.get("grant_type") == DEVICE_GRANT else ""
