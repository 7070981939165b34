"""How an account gets its first token: by redirect, by a pasted code, or on another device."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from traktauth.errors import LoginRefused, StoreFailed
from traktauth.flow.effects import (
    BUSY,
    Arrival,
    Ask,
    Exclusively,
    Keep,
    Listening,
    Load,
    NoReply,
    Note,
    Save,
    Send,
    Shielded,
    Sleep,
    Tell,
    TryStore,
)
from traktauth.flow.operations import perform
from traktauth.flow.steps import OpenPage, PasteCode
from traktauth.flow.terms import PATIENCE, SAVE_LIMIT
from traktauth.wire.authorize import Answer, authorize_address, challenge_of, check_issuer, read_answer
from traktauth.wire.metadata import Metadata, metadata, read_metadata
from traktauth.wire.tokens import exchange_code, read_token

if TYPE_CHECKING:
    from traktauth.flow.effects import Flow
    from traktauth.flow.terms import Terms
    from traktauth.models import Token

PAGE_LIMIT = 900.0  # seconds that a person may take on Trakt's pages


def by_redirect(terms: Terms, *, signup: bool | None = None) -> Flow[Token]:
    """Sign in with a browser on this machine, which is redirected back to a loopback address.

    Raises:
        LoginRefused: denied, expired, or answered by another server.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store cannot keep the token; seen before anybody signs in.
    """
    yield from TryStore()
    return (yield from Listening(terms.app.redirect_uri, partial(_redirected, terms, signup)))


def _redirected(terms: Terms, signup: bool | None, redirect_uri: str) -> Flow[Token]:  # noqa: FBT001 - bound above
    state, verifier = terms.secret(), terms.secret()
    yield from Tell(OpenPage(_page(terms, redirect_uri, signup=signup, state=state, verifier=verifier)))
    arrival: Arrival[Answer | LoginRefused] = Arrival(partial(read_answer, state=state), PAGE_LIMIT)
    answer = yield from arrival
    if answer is None:
        raise LoginRefused(f"Nobody answered on Trakt's page within {PAGE_LIMIT / 60:.0f} minutes", error="timeout")
    return (yield from _exchange(terms, answer, redirect_uri=redirect_uri, verifier=verifier))


def by_paste(terms: Terms, *, signup: bool | None = None) -> Flow[Token]:
    """Sign in with a browser anywhere; the person pastes the code, or the whole address one ended at.

    Raises:
        LoginRefused: denied, or the pasted address belongs to another sign-in.
        AppRejected, TryLater, StoreFailed: as for `by_redirect`.
    """
    yield from TryStore()
    redirect_uri = terms.app.redirect_uri
    state, verifier = terms.secret(), terms.secret()
    page = _page(terms, redirect_uri, signup=signup, state=state, verifier=verifier)
    pasted = ""
    while not pasted:
        pasted = (yield from Ask(PasteCode(page))).strip()
    return (yield from _exchange(terms, _read_pasted(pasted, state), redirect_uri=redirect_uri, verifier=verifier))


def _read_pasted(pasted: str, state: str) -> Answer | LoginRefused:
    """Read a bare code, which brings no state to check, or an address, whose state must be ours."""
    if not any(sign in pasted for sign in "?=:/"):
        if any(not "!" <= character <= "~" for character in pasted):
            return LoginRefused("What was pasted is neither a code nor an address", error="paste")
        return Answer(pasted, bare=True)
    answer = read_answer(pasted, state=state)
    return answer or LoginRefused("The pasted address belongs to another sign-in, or holds no code", error="paste")


def _page(terms: Terms, redirect_uri: str, *, signup: bool | None, state: str, verifier: str) -> str:
    return authorize_address(
        terms.service,
        client_id=terms.app.client_id,
        redirect_uri=redirect_uri,
        state=state,
        signup=signup,
        code_challenge=challenge_of(verifier),
    )


def _exchange(terms: Terms, answer: Answer | LoginRefused, *, redirect_uri: str, verifier: str) -> Flow[Token]:
    """Turn an answer into a token that is saved. A code works once, and any failed exchange may burn it."""
    if isinstance(answer, LoginRefused):
        raise answer
    if not answer.bare:
        yield from _check_issuer(terms, answer)
    # Ctrl-C from here on would throw away a sign-in that the person has finished.
    return (yield from Shielded(partial(_exchange_and_keep, terms, answer.code, redirect_uri, verifier)))


def _check_issuer(terms: Terms, answer: Answer) -> Flow[None]:
    known = Metadata()
    if terms.service.issuer is not None:  # a base address: it may describe itself
        reply = yield from Send(metadata(terms.service))
        known = known if isinstance(reply, NoReply) else read_metadata(reply)
    check_issuer(answer.iss, service=terms.service, required=known.names_issuer, issuer=known.issuer)


def _exchange_and_keep(terms: Terms, code: str, redirect_uri: str, verifier: str) -> Flow[Token]:
    sent_at = terms.clock()
    app = terms.app
    request = exchange_code(
        terms.service,
        code=code,
        client_id=app.client_id,
        client_secret=app.client_secret,
        redirect_uri=redirect_uri,
        code_verifier=verifier,
    )
    token = read_token((yield from perform(request)), sent_at=sent_at)
    return (yield from keep(terms, token))


def keep(terms: Terms, token: Token) -> Flow[Token]:
    """Save the first pair of a sign-in, in the place of whatever was there; an old pair is not revoked."""
    outcome = yield from Exclusively(partial(_keep, terms, token), patience=PATIENCE)
    if outcome is BUSY:
        # The lock only says who is waited for; the right to save goes by the generation, so nothing is thrown away.
        return (yield from _keep(terms, token))
    return outcome


def _keep(terms: Terms, token: Token) -> Flow[Token]:
    until = terms.monotonic() + SAVE_LIMIT
    new: Token | None = None
    while True:
        try:
            record = yield from Load()
            new = replace(token, generation=record.generation + 1)
            if (yield from Save(new, after=record.generation)):
                yield from Note(f"signed in, {new.fingerprint}, generation {new.generation}")
                return new
        except StoreFailed as error:
            if terms.monotonic() >= until:
                if new is not None:
                    yield from Keep(new, after=new.generation - 1)
                    error.kept = True
                raise
        yield from Sleep(0.25)
