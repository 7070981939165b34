"""Signing in with a browser: by redirect to this machine, or by a pasted code or address."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from flow.changes import Save
from flow.conversation import Conversation
from flow.setup import NOW, Clock, context, grant, refused, reply
from traktauth.errors import AppRejected, LoginRefused, StoreFailed, TryLater, UnexpectedReply
from traktauth.flow.authorization_code import LOGIN_TIMEOUT, login_browser, login_paste
from traktauth.flow.effects import (
    AwaitRedirect,
    CheckWritable,
    Load,
    LogMessage,
    NoResponse,
    PromptUser,
    Send,
    Shielded,
    ShowStep,
    WithLock,
    WithLoopbackServer,
)
from traktauth.flow.login_device import login_device
from traktauth.models import Record
from traktauth.protocol import ONE_COMMUNITY_APP
from traktauth.steps import OpenPage, PasteCode, StillWaiting
from traktauth.wire.authorization import s256_challenge

REDIRECT = "http://127.0.0.1:9876/callback"
LOCAL = "http://127.0.0.1:8712"


def parameters(page):
    return {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}


def opened(custom=None, listened_on=REDIRECT, **how):
    """A sign-in whose page is open in the browser; the page's parameters along with it."""
    talk = Conversation(login_browser(custom or context(), **how))
    talk.expect(CheckWritable())
    talk.enter(WithLoopbackServer, listened_on, redirect_uri=REDIRECT)
    if listened_on != REDIRECT:
        taken, advice = talk.expect(LogMessage), talk.expect(LogMessage)
        assert taken.warning
        assert taken.message == f"port 9876 is taken, so this sign-in uses {listened_on}"
        assert advice.warning
        assert "sign in with a device code" in advice.message
    step = talk.expect(ShowStep).step
    assert isinstance(step, OpenPage)
    assert step.redirect_uri == listened_on
    return talk, parameters(step.url)


def still_waiting(talk):
    """The flow shows that it waits, and waits for a visit next; return the seconds that are left."""
    step = talk.expect(ShowStep).step
    assert isinstance(step, StillWaiting)
    assert isinstance(talk.effect, AwaitRedirect)
    return step.seconds_left


def arrived(custom=None, *, query="code=the-code&state={state}", **how):
    talk, page = opened(custom, **how)
    visit = f"{REDIRECT}?{query.format(**page)}"
    still_waiting(talk)
    talk.expect(AwaitRedirect, answer=talk.effect.read(visit))
    return talk, page


def test_a_sign_in_checks_the_store_and_saves_the_token():
    talk, page = arrived()
    talk.enter(Shielded)
    request = talk.expect(Send, answer=grant(1)).request
    assert request.url == "https://api.trakt.tv/oauth/token"
    body = json.loads(request.body)
    verifier = body.pop("code_verifier")
    assert body == {
        "code": "the-code",
        "client_id": "the-app",
        "client_secret": "the-secret",
        "redirect_uri": REDIRECT,
        "grant_type": "authorization_code",
    }
    assert s256_challenge(verifier) == page["code_challenge"]
    talk.enter(WithLock)
    talk.expect(Load(), answer=Record())
    new = talk.expect(Save, answer=True)
    assert (new.after, new.token.generation, new.token.expires_at) == (0, 1, NOW + 1000)
    talk.expect(LogMessage)
    assert talk.returns() == new.token


def test_a_store_that_cannot_keep_the_token_shows_before_anybody_signs_in():
    for way in (login_browser, login_paste, login_device):
        talk = Conversation(way(context()))
        talk.expect(CheckWritable(), raising=StoreFailed("full disk"))
        talk.raises(StoreFailed)


def test_the_page_is_asked_for_with_a_state_and_a_challenge_of_its_own_each_time():
    custom = context()
    first, second = opened(custom)[1], opened(custom)[1]
    assert first.pop("state") != second.pop("state")
    assert first.pop("code_challenge") != second.pop("code_challenge")
    assert first == second == {
        "response_type": "code",
        "client_id": "the-app",
        "redirect_uri": REDIRECT,
        "code_challenge_method": "S256",
    }  # fmt: skip


def test_the_address_that_is_really_listened_on_is_sent_to_the_page_and_with_the_code():
    other = "http://127.0.0.1:51234/callback"
    talk, page = arrived(listened_on=other)
    assert page["redirect_uri"] == other
    talk.enter(Shielded)
    assert json.loads(talk.expect(Send, answer=grant(1)).request.body)["redirect_uri"] == other


@pytest.mark.parametrize(
    "query", ["code=the-code&state=theirs", "code=the-code", "error=access_denied", "code=a&code=b&state={state}", ""]
)
def test_a_visit_that_answers_another_question_does_not_end_the_wait(query):
    talk, page = opened()
    still_waiting(talk)
    arrival = talk.expect(AwaitRedirect)
    assert arrival.read(f"{REDIRECT}?{query.format(**page)}") is None
    assert page["state"] not in repr(arrival)


def test_a_browser_sign_in_waits_in_steps_of_a_second_and_says_how_long_it_goes_on():
    clock = Clock()
    talk, _ = opened(context(clock))
    left = []
    while talk.goes_on:
        left.append(still_waiting(talk))
        seconds = talk.effect.seconds
        assert 0 < seconds <= 1
        clock.pass_by(seconds)
        talk.expect(AwaitRedirect, answer=None)
    assert left == [LOGIN_TIMEOUT - each for each in range(int(LOGIN_TIMEOUT))]
    error = talk.raises(LoginRefused)
    assert (error.error, error.message) == ("timeout", "The sign-in was not completed within 15 minutes")
    assert error.hint.endswith(ONE_COMMUNITY_APP)


def test_a_denial_ends_the_sign_in():
    talk, _ = arrived(query="error=access_denied&state={state}")
    assert talk.raises(LoginRefused).error == "access_denied"


def test_a_foreign_issuer_ends_the_sign_in_before_its_code_is_used():
    talk, _ = arrived(query="code=the-code&state={state}&iss=https%3A%2F%2Fevil.example")
    assert talk.raises(LoginRefused).error == "iss"


def test_trakts_own_issuer_is_accepted_without_metadata():
    talk, _ = arrived(query="code=the-code&state={state}&iss=https%3A%2F%2Fauth.trakt.tv")
    talk.enter(Shielded)


# ---------------------------------------------------------------- a base address may describe itself
def described(answer, *, iss=""):
    talk, _ = arrived(context(service=LOCAL), query="code=the-code&state={state}" + (f"&iss={iss}" if iss else ""))
    request = talk.expect(Send, answer=answer).request
    assert request.url == f"{LOCAL}/.well-known/oauth-authorization-server"
    return talk


SILENT = [
    reply(404),
    reply(200, b"<html>"),
    NoResponse(sent=False, reason="refused"),
    NoResponse(sent=True, reason="cut"),
]


@pytest.mark.parametrize("answer", SILENT)
@pytest.mark.parametrize("iss", ["", LOCAL])
def test_a_base_address_without_a_description_may_name_its_origin_or_nothing(answer, iss):
    described(answer, iss=iss).enter(Shielded)


@pytest.mark.parametrize("answer", SILENT)
def test_a_base_address_without_a_description_may_name_no_other_issuer(answer):
    assert described(answer, iss="https://evil.example").raises(LoginRefused).error == "iss"


NAMES_ITSELF = reply(200, {"issuer": "https://id.example", "authorization_response_iss_parameter_supported": True})


def test_a_base_address_may_name_the_issuer_of_its_description():
    described(NAMES_ITSELF, iss="https://id.example").enter(Shielded)


def test_a_base_address_whose_metadata_promises_an_issuer_must_name_it():
    assert described(NAMES_ITSELF).raises(LoginRefused).error == "iss"


# ---------------------------------------------------------------- the exchange
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(401, "invalid_grant", "invalid code"), LoginRefused),
        (refused(401, "invalid_verification", "Invalid code"), LoginRefused),
        (refused(400, "invalid_request", "session no longer exists"), LoginRefused),
        (refused(401, "invalid_client", "invalid client_secret"), AppRejected),
        (refused(400, "invalid_request", "redirect_uri mismatch"), AppRejected),
        (reply(200, b"<html>"), UnexpectedReply),
        (reply(500), TryLater),
        (reply(429), TryLater),
        (NoResponse(sent=True, reason="cut"), TryLater),
        (NoResponse(sent=False, reason="connection refused"), TryLater),
    ],
)
def test_a_failed_exchange_is_never_repeated_as_it_may_have_burned_the_code(answer, error):
    talk, _ = arrived()
    talk.enter(Shielded)
    talk.expect(Send, answer=answer)
    shown = talk.raises(error)
    assert "the-code" not in str(shown) + repr(shown) + shown.hint


# ---------------------------------------------------------------- pasted
def pasted(*texts, custom=None):
    talk = Conversation(login_paste(custom or context()))
    talk.expect(CheckWritable())
    page = {}
    for text in texts:
        step = talk.effect.step
        assert isinstance(step, PasteCode)
        page = parameters(step.url)
        talk.expect(PromptUser, answer=text.format(**page))
    return talk, page


@pytest.mark.parametrize("text", ["the-code", "  the-code\n", "\tthe-code\r\n"])
def test_a_bare_code_is_exchanged_although_it_brings_no_state(text):
    talk, page = pasted(text)
    talk.enter(Shielded)
    body = json.loads(talk.expect(Send, answer=grant(1)).request.body)
    assert (body["code"], body["redirect_uri"]) == ("the-code", REDIRECT)
    assert s256_challenge(body["code_verifier"]) == page["code_challenge"]


@pytest.mark.parametrize(
    "text",
    [
        REDIRECT + "?code=the-code&state={state}",
        REDIRECT + "?state={state}&code=the-code\n",
        "code=the-code&state={state}",
        "urn:ietf:wg:oauth:2.0:oob?code=the-code&state={state}",
    ],
)
def test_a_pasted_address_is_read_if_its_state_matches(text):
    talk, _ = pasted(text)
    talk.enter(Shielded)
    assert json.loads(talk.expect(Send, answer=grant(1)).request.body)["code"] == "the-code"


WRONG = [
    REDIRECT + "?code=the-code&state=theirs",
    REDIRECT + "?code=the-code",
    REDIRECT,
    "https://trakt.tv/",
    "https://trakt.tv/oauth/authorize?response_type=code&state={state}",
    "code=the-code",
    "the code",
    "the-cöde",
    "garbage",
    "",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_neither_a_code_nor_an_address_of_this_sign_in_is_asked_again_and_never_sent(text):
    talk, _ = pasted(text, text, text)
    step = talk.expect(PromptUser, answer="the-code").step
    assert step.redirect_uri == REDIRECT
    assert step.problem
    assert "the-code" not in step.problem
    talk.enter(Shielded)


@pytest.mark.parametrize("text", WRONG)
def test_a_paste_without_a_code_is_asked_for_four_times_at_most(text):
    error = pasted(text, text, text, text)[0].raises(LoginRefused)
    assert error.error == "paste"
    assert "the-code" not in str(error)


def test_a_pasted_denial_says_so():
    talk, _ = pasted(REDIRECT + "?error=access_denied&state={state}")
    assert talk.raises(LoginRefused).error == "access_denied"


def test_a_pasted_foreign_issuer_ends_the_sign_in():
    talk, _ = pasted(REDIRECT + "?code=the-code&state={state}&iss=https://evil.example")
    assert talk.raises(LoginRefused).error == "iss"


def test_an_aborted_prompt_ends_the_sign_in():
    talk = Conversation(login_paste(context()))
    talk.expect(CheckWritable())
    talk.expect(PromptUser, raising=EOFError())
    talk.raises(EOFError)
