"""Sign-in with a browser anywhere: the user pastes the code, or the address where the browser ended."""

from __future__ import annotations

import re

from traktauth.errors import LoginRefused
from traktauth.flow.authorization_code import authorization_page, exchange_answer
from traktauth.flow.context import FlowContext
from traktauth.flow.effects import CheckWritable, Flow, PromptUser
from traktauth.models import Token
from traktauth.steps import PasteCode
from traktauth.wire.authorization import AuthorizationResponse, parse_authorization_response

_PASTES = 4  # how often a user may paste
_CODE = re.compile(r"[A-Za-z0-9._~+-]{8,4096}")  # Trakt's shortest code is a PIN of eight characters


def login_paste(context: FlowContext, *, signup: bool | None = None) -> Flow[Token]:
    """Sign in with a browser anywhere; the user pastes the code, or the whole address where the browser ended.

    Raises:
        LoginRefused: denied, or nothing that was pasted was a code, or an address of this sign-in.
        AppRejected: Trakt refused the app's secret or redirect address.
        TryLater: Trakt cannot be reached.
        StoreFailed: the store cannot keep the token; seen before the user signs in.
    """
    yield from CheckWritable()
    redirect_uri = context.app.redirect_uri
    state, verifier = context.new_secret(), context.new_secret()
    page = authorization_page(context, redirect_uri, signup=signup, state=state, verifier=verifier)
    problem = ""
    for _ in range(_PASTES):
        pasted = (yield from PromptUser(PasteCode(page, redirect_uri, problem))).strip()
        answer = _read_pasted(pasted, state, page)
        if not isinstance(answer, str):
            return (yield from exchange_answer(context, answer, redirect_uri=redirect_uri, verifier=verifier))
        problem = answer
    raise LoginRefused(problem, error="paste")


def _read_pasted(pasted: str, state: str, page: str) -> AuthorizationResponse | LoginRefused | str:
    """Read a bare code, which brings no state to check, or an address, whose state must be ours.

    Returns:
        The answer, the error to raise, or why what was pasted is neither.
    """
    if not pasted:
        return "Nothing was pasted"
    if _CODE.fullmatch(pasted):
        return AuthorizationResponse(pasted, bare=True)
    if not any(sign in pasted for sign in "?=:/"):
        return "What was pasted is neither a code nor an address"
    if pasted.partition("?")[0] == page.partition("?")[0]:
        return "What was pasted is the address of the sign-in page, not the one where the browser ends"
    return (
        parse_authorization_response(pasted, state=state)
        or "The pasted address belongs to another sign-in, or has no code"
    )
