"""The log of requests as a sequence diagram: one arrow a request, with one sentence that says what it means."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from traktauth.server.http.request_log import (
    ApiResult,
    ControlResult,
    Failure,
    PageResult,
    TokensCreated,
    fingerprint,
    format_entry,
)
from traktauth.server.tokens import IssuedTokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from traktauth.server.http.request_log import LogEntry

PARTIES = ("Browser", "App", "Trakt", "API")
TEST = "Test"
"""Who makes a control call; it has no line in the diagram."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PENDING = ("400", "400 authorization_pending", "400 slow_down", "429")
"""How the results of polls begin that found no decision yet."""
LONGEST = 120
NO_APP, UNKNOWN_APP = "an app", "unknown app"
"""Stand for an app without a name, and begin a sentence with a capital."""


class Row(NamedTuple):
    """One arrow of the diagram.

    Attributes:
        number: the entry's number.
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


class Names(NamedTuple):
    """Names to show in place of identifiers.

    Attributes:
        apps: names of apps, by client id.
        victims: how many tokens a replay ended, by the number of its entry.
        owners: who a replayed token belonged to, by the number of its entry.
        has_more: whether there may be more victims, as not all tokens were looked at.
    """

    apps: Mapping[str, str]
    victims: Mapping[int, int]
    owners: Mapping[int, str]
    has_more: bool = False

    def app(self, client_id: str) -> str:
        """Return an app's name; of an unknown one the first characters of its id."""
        if not client_id:
            return NO_APP
        return self.apps.get(client_id, f"{UNKNOWN_APP} {client_id[:12]}")


def select_entries(entries: Iterable[LogEntry], most: int) -> list[tuple[LogEntry, int]]:
    """Return the last entries, oldest first, each with the number of polls it stands for.

    Polls of one device code that follow each other while no decision was made become one entry: the last of them.
    """
    shown: list[tuple[LogEntry, int]] = []
    for entry in entries:
        if shown and _is_pending_poll(entry) and _is_pending_poll(shown[-1][0]):
            last, count = shown[-1]
            if _device_code_of_poll(last) == _device_code_of_poll(entry):
                shown[-1] = (entry, count + 1)
                continue
        shown.append((entry, 1))
    return shown[-most:]


def row_of(entry: LogEntry, count: int, names: Names) -> Row:
    """Return the row of an entry."""
    line = format_entry(entry)
    source, target = _parties(entry)
    meaning, kind = _meaning(entry, names, line.result)
    if meaning.startswith((f"{NO_APP} ", f"{UNKNOWN_APP} ")):
        meaning = meaning[0].upper() + meaning[1:]
    if count > 1:
        meaning = f"{meaning[:-1]} ({count} polls)."
    return Row(
        entry.number,
        entry.at,
        source,
        target,
        line.request,
        line.parameters,
        line.result[:LONGEST],
        meaning,
        kind,
        count,
    )


def client_id_of(entry: LogEntry) -> str:
    """Return the client id that a request names, empty if it names none."""
    return entry.request.client_id or entry.request.parameters.get("client_id", "")


def _parties(entry: LogEntry) -> tuple[str, str]:
    if entry.path.startswith("/_control/"):
        return TEST, "Trakt"
    if isinstance(entry.outcome, PageResult):
        return "Browser", "Trakt"
    return "App", "API" if entry.path.startswith(("/users/", "/sync/")) else "Trakt"


def _meaning(entry: LogEntry, names: Names, result: str) -> tuple[str, str]:
    outcome, app = entry.outcome, names.app(client_id_of(entry))
    if outcome is None:
        return f"{app} waits for the response.", "plain"
    if "families_killed" in entry.events:
        return _describe_replay(entry, names, app), "alarm"
    if isinstance(outcome, Failure):
        return _describe_refusal(entry, app, outcome.how)
    if isinstance(outcome, PageResult):
        return _browser_step(entry, app, outcome)
    if isinstance(outcome, ApiResult):
        return f"The API accepted access token {fingerprint(entry.request.bearer)} of {outcome.username}.", "good"
    if isinstance(outcome, TokensCreated):
        times = "once" if outcome.pairs == 1 else f"{outcome.pairs} times"
        return f"A test signed in {times} at {app}.", "good"
    if isinstance(outcome, ControlResult):
        return outcome.sentence(app, outcome.members), "plain"
    if isinstance(outcome, IssuedTokens):
        return _describe_issue(entry, app, outcome), "good"
    return _other(entry, app, result), "good"


def _describe_replay(entry: LogEntry, names: Names, app: str) -> str:
    token = entry.request.parameters.get("refresh_token") or entry.request.parameters.get("token", "")
    count = names.victims.get(entry.number, 0)
    owner = f" of {names.owners[entry.number]}" if entry.number in names.owners else ""
    least = "at least " if names.has_more else ""
    return (
        f"Replay: {app} sent refresh token {fingerprint(token)} again, which was used before. "
        f"Trakt ended the whole family: {least}{count} valid {'token' if count == 1 else 'tokens'}{owner}."
    )


def _describe_refusal(entry: LogEntry, app: str, how: str) -> tuple[str, str]:
    if how.endswith("a rate limit"):
        return f"{app} sent too many requests; the request was not read.", "bad"
    if "a fault" in how:
        done = {"before": "The request was not processed.", "after": "The request was processed, the response lost."}
        cut = next((sentence for word, sentence in done.items() if f"{word} it was done" in how), "")
        said = f"An injected fault cut the connection. {cut}" if cut else f"An injected fault answered {how[:3]}."
        return said, "fault"
    parameters, grant = entry.request.parameters, entry.request.parameters.get("grant_type", "")
    if _is_pending_poll(entry):
        return f"{app} polled; the user has not decided yet.", "plain"
    if "replays" in entry.events:
        return f"{app} sent refresh token {fingerprint(parameters.get('refresh_token', ''))} again: refused.", "bad"
    if entry.request.bearer:
        return f"The API refused access token {fingerprint(entry.request.bearer)}: {how}.", "bad"
    what = {"authorization_code": "the exchange of its code", "refresh_token": "the refresh"}.get(grant, "the request")
    return f"Trakt refused {what} of {app}: {how}."[:300], "bad"


def _describe_issue(entry: LogEntry, app: str, issued: IssuedTokens) -> str:
    parameters = entry.request.parameters
    access = f"access token {fingerprint(issued.access_token)}"
    both = f"{access} and refresh token {fingerprint(issued.refresh_token)}" if issued.refresh_token else access
    if parameters.get("refresh_token"):
        return f"{app} refreshed with {fingerprint(parameters['refresh_token'])} and got {both}."
    if parameters.get("grant_type") == "client_credentials":
        return f"{app} got {access} for itself."
    if entry.path.endswith("/device/token") or parameters.get("grant_type") == DEVICE_GRANT:
        return f"{app} got {both} for its device."
    return f"{app} exchanged code {fingerprint(parameters.get('code', ''))} for {both}."


def _other(entry: LogEntry, app: str, result: str) -> str:
    token = fingerprint(entry.request.parameters.get("token", ""))
    if entry.path.endswith("/revoke"):
        return f"{app} revoked token {token}." if entry.outcome is not False else f"{app} revoked nothing: {token}."
    if entry.path.endswith("/introspect"):
        return f"{app} asked whether token {token} is active."
    if entry.path.endswith("/device/code"):
        return f"{app} got a device code and a user code to show."
    return f"{app} got {result}."


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


def _browser_step(entry: LogEntry, app: str, outcome: PageResult) -> tuple[str, str]:
    parts = urlsplit(outcome.location)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "code" in query:
        return f"Trakt sent the browser back to {app} with code {fingerprint(query['code'])}.", "good"
    if "error" in query and parts.scheme:
        return f"Trakt sent the browser back to {app} with the error {query['error'][:40]}.", "bad"
    failed = outcome.status >= 400  # noqa: PLR2004 - from there on, errors
    decision = entry.request.parameters.get("decision", "")
    key = entry.method, entry.path
    if key == ("POST", "/sign-in"):
        return ("A sign-in was refused.", "bad") if failed else (f"{_user(outcome)} signed in.", "good")
    if key == ("POST", "/sign-up"):
        return ("A sign-up was refused.", "bad") if failed else ("A user made an account and signed in.", "good")
    if key == ("POST", "/activate/{code}") and not failed:
        return (f"{_user(outcome)} {'approved' if decision == 'approve' else 'denied'} the device.", "good")
    if key == ("POST", "/consent") and outcome.status == HTTPStatus.OK:
        return f"{_user(outcome)} {'allowed' if decision == 'approve' else 'denied'} {app} access.", "plain"
    if entry.path.endswith("/authorize"):
        refused = f"Trakt refused the authorization request of {app}: {outcome.status}.", "bad"
        return refused if failed else (f"{app} sent the browser to Trakt to sign in.", "plain")
    if key == ("POST", "/connected-apps") and outcome.status == HTTPStatus.SEE_OTHER:
        is_revoked = query.get("done") == "revoked"
        return f"{_user(outcome)} {'revoked a connected app' if is_revoked else 'revoked no connected app'}.", "plain"
    sentence = STEPS.get(key, f"The browser opened {entry.path}.").format(app=app)
    return (f"{sentence[:-1]}: {outcome.status}.", "bad") if failed else (sentence, "plain")


def _user(outcome: PageResult) -> str:
    return outcome.username or "A user"


def _is_pending_poll(entry: LogEntry) -> bool:
    if not isinstance(entry.outcome, Failure) or not _device_code_of_poll(entry):
        return False
    how = entry.outcome.how.partition(":")[0]
    return how in PENDING


def _device_code_of_poll(entry: LogEntry) -> str:
    """Return the device code that a request polls, empty if it polls none."""
    parameters = entry.request.parameters
    if entry.path.endswith("/device/token"):
        return parameters.get("device_code") or parameters.get("code", "")
    return parameters.get("device_code", "") if parameters.get("grant_type") == DEVICE_GRANT else ""


def count_kinds(rows: Iterable[Row]) -> Counter[str]:
    """Count rows by kind."""
    return Counter(row.kind for row in rows)
