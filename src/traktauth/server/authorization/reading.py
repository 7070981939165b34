"""Read the query of an authorization request, and add what Trakt's own page adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.doors.trakt import CHALLENGE
from traktauth.server.http.encodings import once
from traktauth.server.http.fields import (
    Field,
    checked,
    exactly,
    one_of,
    optional,
    optional_address,
    required,
    unless_absent,
)
from traktauth.server.refusals import Invalid

if TYPE_CHECKING:
    from traktauth.server.terms import Terms

Pairs = list[tuple[str, str]]
PROMPTS = ("none", "consent", "login", "create", "select_account", "login consent", "select_account consent")
NATIVE: tuple[Field, ...] = (
    ("response_type", unless_absent(exactly("code"))),
    ("client_id", required),
    ("redirect_uri", optional_address),
    ("scope", optional),
    ("state", optional),
    ("request_uri", optional),
    ("code_challenge", optional),
    ("code_challenge_method", unless_absent(exactly("S256"))),
    ("nonce", optional),
    ("prompt", unless_absent(one_of(*PROMPTS))),
    ("signup", optional),
)
RAILS = frozenset((
    "client_id", "code_challenge", "code_challenge_method", "response_type", "response_mode", "redirect_uri", "scope",
    "state", "signup", "prompt",
))  # fmt: skip


def read_as_native(pairs: Pairs) -> dict[str, str]:
    """Read a query as better-auth does: a repeated parameter is a list, and so no string.

    Raises:
        Invalid: a parameter is not as it must be.
    """
    said: dict[str, object] = {}
    for name, value in pairs:
        said[name] = [said[name], value] if name in said else value
    return dict(checked(said, NATIVE, where="query"))


def read_as_rails(pairs: Pairs) -> dict[str, str]:
    """Read a query as Rails does, but refuse a repeated parameter (RFC 6749 section 3.1).

    Raises:
        Invalid: a parameter is repeated.
    """
    twice = once(pairs, RAILS)
    if twice:
        raise Invalid(f"The parameter {twice} is given more than once.")
    return {name: value for name, value in pairs if name in RAILS}


def read_as_said(pairs: Pairs) -> dict[str, str]:
    """Read a query as RFC 6749 section 3.1 has it: nothing twice, and what it says is for the rules to judge.

    Raises:
        Invalid: a parameter is repeated.
    """
    twice = once(pairs, RAILS | {"nonce", "request_uri"})
    if twice:
        raise Invalid(f"The parameter {twice} is given more than once.")
    return {name: value for name, value in pairs if value}


def add_as_trakts_page(pairs: Pairs, terms: Terms) -> Pairs:
    """Add the scope and the constant challenge that a client left out; `signup=true` prefers the sign-up page."""
    said = dict(pairs)
    added: dict[str, str] = {}
    if not said.get("scope"):
        added["scope"] = terms.default_scope
    if not said.get("code_challenge"):
        added |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    return prefer_sign_up(_with(pairs, added), terms)


def prefer_sign_up(pairs: Pairs, terms: Terms) -> Pairs:  # noqa: ARG001 - as `prepare` is called
    """Turn `signup=true` into a prompt for a new user."""
    said = dict(pairs)
    return _with(pairs, {"prompt": "create"}) if said.get("signup") == "true" and not said.get("prompt") else pairs


def _with(pairs: Pairs, added: dict[str, str]) -> Pairs:
    return [pair for pair in pairs if pair[0] not in added] + list(added.items())
