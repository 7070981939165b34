"""Judge a server by a recorded case."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from interop.replay.compare import OWN_PAGES, Difference, differences, effects_differ
from interop.replay.deviations import deviation_of
from interop.replay.given import SETUPS
from interop.replay.placeholders import filled, known
from interop.replay.server import AUTHORIZE, NoSuchState, Server
from interop.replay.talk import Scene, Talk
from interop.replay.wire import Answer, Request, in_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interop.replay.cases import Case

BROKEN = (NoSuchState, OSError, LookupError, TypeError, ValueError, AttributeError)
NEEDED = {"client_id", "redirect_uri"}


@dataclass
class Heard:
    """A case as it was played: what was sent, what came, what was seen afterwards."""

    request: Request
    values: Mapping[str, str]
    answer: Answer
    effects: Mapping[str, Any]


def judge(server: Server, case: Case) -> list[Difference]:
    """Play a case at a server and compare; an empty list says that there is no difference."""
    server.reset()
    setup = SETUPS[case.profile].of(case)
    if setup is None:
        return [Difference("set-up", "one for this name", None)]
    talk = Talk(server, case)
    scene = setup(talk)
    if isinstance(scene, list):
        return scene
    found = compare(case, play(talk, scene), local=server.local)
    if not found and server.local and case.signed_in and "decision" not in case.rest:
        found = compare(case, play_through_control(talk, setup(talk)), local=True)
    return found


def tried(server: Server, case: Case) -> list[Difference]:
    """Judge, taking whatever a server that does not play its part lets happen for a difference."""
    try:
        return judge(server, case)
    except BROKEN as error:
        return [Difference("a set-up that works", "", f"{type(error).__name__}: {error}")]


def play(talk: Talk, scene: Scene) -> Heard:
    """Send a case's request, and look what came of it."""
    values = known(talk.server.base) | {"session_cookie": ""} | dict(scene.values)
    if talk.case.signed_in:
        values["session_cookie"] = talk.server.cookie(talk.username)
    request = filled(talk.case.request, values)
    try:
        answer = answered(talk, request)
        return Heard(request, values, answer, looked(talk, scene, answer))
    finally:
        scene.undo()


def answered(talk: Talk, request: Request) -> Answer:
    """Send a request as it was recorded: by a program, a browser, or a person who then says yes or no."""
    if "decision" in talk.case.rest:
        return through_control(talk, {**request.query, "via": talk.via, "decision": talk.case.rest["decision"]})
    return talk.server.send(request) if talk.current else at_the_browser(talk, request)


def looked(talk: Talk, scene: Scene, answer: Answer) -> Mapping[str, Any]:
    """Look what came of a case; after another answer than the recorded one there may be nothing to look at."""
    if scene.after is None:
        return {}
    try:
        return scene.after(answer)
    except (NoSuchState, LookupError):
        if answer.status == talk.case.response.get("status"):
            raise
        return {}


def at_the_browser(talk: Talk, request: Request) -> Answer:
    """Send a request; what Doorkeeper's signed-in person asks for is asked of a local Trakt through its control API."""
    said = request.query
    if not talk.server.local or request.path.partition("?")[0] != AUTHORIZE["shim"] or not said.keys() >= NEEDED:
        return talk.server.send(request)
    denied = "delete" in (request.method.lower(), said.pop("_method", ""))
    return through_control(talk, {**said, "decision": "deny" if denied else "approve"})


def play_through_control(talk: Talk, scene: Scene) -> Heard:
    """Play a signed-in browser's case once more through the control API, which says where the browser would end."""
    values = known(talk.server.base) | {"session_cookie": ""} | dict(scene.values)
    request = filled(talk.case.request, values)
    asked = request.query
    on_own_page = talk.case.response["headers"].get("location", "").startswith(OWN_PAGES)
    if on_own_page or unlike_a_person(request) or not asked.keys() >= NEEDED:
        return play(talk, scene)
    native = request.path.startswith(AUTHORIZE["native"])
    answer = through_control(talk, {**asked, "via": "native" if native else "shim"})
    if "location" not in answer.headers and 300 <= talk.case.response["status"] < 400:
        return play(talk, scene)  # the control API says of an error that stands on a page that it stands on a page
    scene.undo()
    return Heard(request, values, answer, {})


def unlike_a_person(request: Request) -> bool:
    """Whether a request is none that the control API makes: a script's, one with repeated parameters or a prompt."""
    names = [name for name, _ in urllib.parse.parse_qsl(request.path.partition("?")[2], keep_blank_values=True)]
    return (
        "json" in request.header("accept")
        or bool(request.header("sec-fetch-mode"))
        or "prompt" in names
        or len(names) != len(set(names))
    )


def through_control(talk: Talk, said: Mapping[str, str]) -> Answer:
    """Ask the control API where the browser would end."""
    asked = {**said, "username": talk.username}
    told = talk.server.send(in_json("/_control/authorize", **asked)).members
    location = told.get("location")
    headers = {"location": location} if location else {"content-type": "application/json"}
    if not location and not talk.current:
        headers = {"content-type": "text/html"}
    message = {"message": told.get("message"), "code": "VALIDATION_ERROR"}
    return Answer(told.get("status", 0), headers, "" if location else in_json("", **message).body or "")


def compare(case: Case, heard: Heard, *, local: bool) -> list[Difference]:
    """Compare what was heard with what was recorded, or with what a local Trakt answers instead."""
    deviation = deviation_of(case) if local else None
    expected = [case]
    if deviation is not None:
        effects = case.effects if deviation.effects is None else deviation.effects
        instead = replace(case, response=deviation.instead or case.response, effects=effects)
        expected = [case, instead] if deviation.also_recorded else [instead]
    return min((_compared(one, heard) for one in expected), key=len)


def _compared(case: Case, heard: Heard) -> list[Difference]:
    found = differences(case.response, heard.answer, heard.request, heard.values)
    return found or effects_differ(case.effects, heard.effects)
