"""Set-ups of the profile `current` for a browser."""

from __future__ import annotations

from fidelity.replay.compare import Difference
from fidelity.replay.http import Request, parameters_of
from fidelity.replay.placeholders import filled, known
from fidelity.replay.seed_file import APPS
from fidelity.replay.session import Session, State, verifier_and_challenge
from fidelity.setups.codes import back_on, switch
from fidelity.setups.registry import CURRENT

setup = CURRENT.register


@setup("challenge")
def challenge(session: Session) -> State:
    return State(verifier_and_challenge())


@setup("challenge; the app's consent is withdrawn")
def challenge_without_consent(session: Session) -> State:
    session.server.control("revoke-consent", client_id=APPS["consent"].client_id)
    return State(verifier_and_challenge())


@setup("challenge; the app has the user's consent for public and offline_access")
def challenge_with_consent(session: Session) -> State:
    session.code("consent")
    return State(verifier_and_challenge())


@setup("challenge; the app is switched off")
def challenge_disabled(session: Session) -> State:
    switch(session, "trusted", off=True)
    return State(verifier_and_challenge(), undo=back_on(session, "trusted"))


@setup("browser at Trakt's address for an app that does not exist")
def unknown_app_at_trakts_address(session: Session) -> list[Difference]:
    """Trakt's page may pass it on or refuse it itself; in the end the error stands on a page of the server's own."""
    path = filled(session.case.request, known(session.server.base) | {"session_cookie": ""}).path
    for _ in range(3):
        answer = session.server.send(Request("GET", path, {"accept": "text/html"}))
        location = answer.headers.get("location", "").removeprefix(session.server.base)
        if 400 <= answer.status < 500 or parameters_of(location.partition("?")[2]).get("error") == "invalid_client":
            return []
        if not location.startswith("/"):
            return [Difference("a page of the server's own", "no redirect away", location or answer.short)]
        path = location
    return [Difference("an error", "invalid_client", "redirects without an end")]
