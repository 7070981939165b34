"""Judge a server by a recorded case."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fidelity.replay.compare import OWN_PAGES, Difference, differences, effects_differ
from fidelity.replay.deviations import deviation_of
from fidelity.replay.http import Request, Response, in_json
from fidelity.replay.placeholders import filled, known
from fidelity.replay.server import AUTHORIZE, NoSuchState, Server
from fidelity.replay.session import Session, State
from fidelity.setups import SETUPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fidelity.replay.cases import Case

BROKEN = (NoSuchState, OSError, LookupError, TypeError, ValueError, AttributeError)
NEEDED = {"client_id", "redirect_uri"}


@dataclass
class PlayedCase:
    """A case as it was played: what was sent, what came, what was seen afterwards."""

    request: Request
    values: Mapping[str, str]
    answer: Response
    effects: Mapping[str, Any]


def run_case(server: Server, case: Case) -> list[Difference]:
    """Play a case at a server and compare; an empty list if they are equal."""
    server.reset()
    setup = SETUPS[case.profile].get(case.setup)
    if setup is None:
        return [Difference("set-up", "one for this name", None)]
    session = Session(server, case)
    state = setup(session)
    if isinstance(state, list):
        return state
    found = compare(case, play(session, state), local=server.local)
    if not found and server.local and case.signed_in and "decision" not in case.rest:
        found = compare(case, play_by_control(session, setup(session)), local=True)
    return found


def try_case(server: Server, case: Case) -> list[Difference]:
    """Play a case; an exception that a wrong server causes counts as a difference."""
    try:
        return run_case(server, case)
    except BROKEN as error:
        return [Difference("a set-up that works", "", f"{type(error).__name__}: {error}")]


def play(session: Session, state: State) -> PlayedCase:
    """Send a case's request, and look what came of it."""
    values = known(session.server.base) | {"session_cookie": ""} | dict(state.values)
    if session.case.signed_in:
        values["session_cookie"] = session.server.cookie(session.username)
    request = filled(session.case.request, values)
    try:
        answer = send_recorded(session, request)
        return PlayedCase(request, values, answer, observe_effects(session, state, answer))
    finally:
        state.undo()


def send_recorded(session: Session, request: Request) -> Response:
    """Send a request as it was recorded: by a program, a browser, or a person who then says yes or no."""
    if "decision" in session.case.rest:
        return authorize_by_control(
            session, {**request.query, "via": session.via, "decision": session.case.rest["decision"]}
        )
    return session.server.send(request) if session.current else send_as_browser(session, request)


def observe_effects(session: Session, state: State, answer: Response) -> Mapping[str, Any]:
    """Look what came of a case; after another answer than the recorded one there may be nothing to look at."""
    if state.after is None:
        return {}
    try:
        return state.after(answer)
    except (NoSuchState, LookupError):
        if answer.status == session.case.response.get("status"):
            raise
        return {}


def send_as_browser(session: Session, request: Request) -> Response:
    """Send a request; what Doorkeeper's signed-in person asks for is asked of a local Trakt through its control API."""
    arguments = request.query
    if (
        not session.server.local
        or request.path.partition("?")[0] != AUTHORIZE["shim"]
        or not arguments.keys() >= NEEDED
    ):
        return session.server.send(request)
    denied = "delete" in (request.method.lower(), arguments.pop("_method", ""))
    return authorize_by_control(session, {**arguments, "decision": "deny" if denied else "approve"})


def play_by_control(session: Session, state: State) -> PlayedCase:
    """Play a signed-in browser's case once more through the control API, which says where the browser would end."""
    values = known(session.server.base) | {"session_cookie": ""} | dict(state.values)
    request = filled(session.case.request, values)
    asked = request.query
    on_own_page = session.case.response["headers"].get("location", "").startswith(OWN_PAGES)
    if on_own_page or is_scripted(request) or not asked.keys() >= NEEDED:
        return play(session, state)
    native = request.path.startswith(AUTHORIZE["native"])
    answer = authorize_by_control(session, {**asked, "via": "native" if native else "shim"})
    if "location" not in answer.headers and 300 <= session.case.response["status"] < 400:
        return play(session, state)  # the control API says of an error that stands on a page that it stands on a page
    state.undo()
    return PlayedCase(request, values, answer, {})


def is_scripted(request: Request) -> bool:
    """Whether the control API cannot make a request: a script's, one with repeated parameters, or with a prompt."""
    names = [name for name, _ in urllib.parse.parse_qsl(request.path.partition("?")[2], keep_blank_values=True)]
    return (
        "json" in request.header("accept")
        or bool(request.header("sec-fetch-mode"))
        or "prompt" in names
        or len(names) != len(set(names))
    )


def authorize_by_control(session: Session, arguments: Mapping[str, str]) -> Response:
    """Ask the control API where the browser would end."""
    asked = {**arguments, "username": session.username}
    told = session.server.send(in_json("/_control/authorize", **asked)).members
    location = told.get("location")
    headers = {"location": location} if location else {"content-type": "application/json"}
    if not location and not session.current:
        headers = {"content-type": "text/html"}
    message = {"message": told.get("message"), "code": "VALIDATION_ERROR"}
    return Response(told.get("status", 0), headers, "" if location else in_json("", **message).body or "")


def compare(case: Case, heard: PlayedCase, *, local: bool) -> list[Difference]:
    """Compare what was heard with what was recorded, or with what a local Trakt answers instead."""
    deviation = deviation_of(case) if local else None
    expected = [case]
    if deviation is not None:
        effects = case.effects if deviation.effects is None else deviation.effects
        instead = replace(case, response=deviation.instead or case.response, effects=effects)
        expected = [case, instead] if deviation.also_recorded else [instead]
    return min((_compared(one, heard) for one in expected), key=len)


def _compared(case: Case, heard: PlayedCase) -> list[Difference]:
    found = differences(case.response, heard.answer, heard.request, heard.values)
    return found or effects_differ(case.effects, heard.effects)
