"""Set-ups of the profile `current` for a browser."""

from __future__ import annotations

from interop.replay.apps import APPS
from interop.replay.compare import Difference
from interop.replay.given.codes import back_on, switch
from interop.replay.given.registry import CURRENT
from interop.replay.placeholders import filled, known
from interop.replay.talk import Scene, Talk, verifier_and_challenge
from interop.replay.wire import Request, parameters_of

given = CURRENT.named


@given("challenge", "native.authorize.*")
def challenge(talk: Talk) -> Scene:
    return Scene(verifier_and_challenge())


@given("challenge; the app's consent is withdrawn")
def challenge_without_consent(talk: Talk) -> Scene:
    talk.server.control("revoke-consent", client_id=APPS["consent"].client_id)
    return Scene(verifier_and_challenge())


@given("challenge; the app has the user's consent for public and offline_access")
def challenge_with_consent(talk: Talk) -> Scene:
    talk.code("consent")
    return Scene(verifier_and_challenge())


@given("challenge; the app is switched off")
def challenge_disabled(talk: Talk) -> Scene:
    switch(talk, "trusted", off=True)
    return Scene(verifier_and_challenge(), undo=back_on(talk, "trusted"))


@given("browser at Trakt's address for an app that is none", "shim.authorize.unknown_client")
def unknown_app_at_trakts_address(talk: Talk) -> list[Difference]:
    """Trakt's page may pass it on or refuse it itself; in the end the error stands on a page of the server's own."""
    path = filled(talk.case.request, known(talk.server.base) | {"session_cookie": ""}).path
    for _ in range(3):
        answer = talk.server.send(Request("GET", path, {"accept": "text/html"}))
        location = answer.headers.get("location", "").removeprefix(talk.server.base)
        if 400 <= answer.status < 500 or parameters_of(location.partition("?")[2]).get("error") == "invalid_client":
            return []
        if not location.startswith("/"):
            return [Difference("a page of the server's own", "no redirect away", location or answer.short)]
        path = location
    return [Difference("an error", "invalid_client", "redirects without an end")]
