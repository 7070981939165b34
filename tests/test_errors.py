"""Errors: named by what the caller does next, each with a hint, fit to be copied, pickled and printed."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from traktauth import errors
from traktauth.errors import (
    AppInvalid,
    AppRejected,
    LoginRefused,
    LoginRequired,
    StoreFailed,
    TraktAuthError,
    TryLater,
    UnexpectedReply,
)
from traktauth.explain import explain, load_entries
from traktauth.flow.resend_policy import not_refreshable
from traktauth.models import Record, Token

EXAMPLES = [
    (TraktAuthError("fact"), {}),
    (TraktAuthError("fact", hint="do this"), {"hint": "do this"}),
    (LoginRequired("fact", reason="revoked"), {"reason": "revoked"}),
    (LoginRefused("fact", error="access_denied", hint="do this"), {"error": "access_denied", "hint": "do this"}),
    (AppRejected("fact", error="unauthorized_client"), {"error": "unauthorized_client"}),
    (AppInvalid("fact"), {"error": "invalid_client"}),
    (TryLater("fact", retry_after=12.5, status=503), {"retry_after": 12.5, "status": 503}),
    (TryLater("fact"), {"retry_after": 30.0, "status": None}),
    (StoreFailed("fact"), {}),
    (UnexpectedReply("fact", status=418), {"status": 418}),
    (UnexpectedReply("fact", status=423), {"status": 423, "explanation": "account-locked"}),
]
each_error = pytest.mark.parametrize(("error", "attributes"), EXAMPLES, ids=lambda value: type(value).__name__)


@each_error
def test_an_error_says_the_fact_and_carries_its_data(error, attributes):
    assert str(error) == error.message == "fact"
    assert error.args == ("fact",)
    assert {name: getattr(error, name) for name in attributes} == attributes


@each_error
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "deep", "pickle"]
)
def test_an_error_is_copied_and_pickled_whole(error, attributes, again):
    other = again(error)
    assert type(other) is type(error)
    assert other.args == error.args
    assert other.__dict__ == error.__dict__
    assert str(other) == "fact"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (LoginRequired("fact"), "traktauth login"),
        (LoginRefused("fact"), "traktauth login"),
        (AppRejected("fact"), "TRAKTAUTH_CLIENT_SECRET"),
        (AppInvalid("fact"), "TRAKTAUTH_REDIRECT_URI"),
        (TryLater("fact", retry_after=12), "Repeat it in 12 s"),
        (StoreFailed("fact"), "traktauth doctor"),
        (UnexpectedReply("fact"), "Report it"),
    ],
)
def test_every_error_names_its_remedy_by_default(error, remedy):
    assert remedy in error.hint


def test_an_empty_hint_stays_empty():
    assert StoreFailed("fact", hint="").hint == ""
    assert TryLater("fact", hint="").hint == ""


def test_an_app_that_cannot_be_right_is_a_value_error_too():
    assert issubclass(AppInvalid, AppRejected)
    assert issubclass(AppInvalid, ValueError)


def test_every_error_is_one_of_the_projects():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) == 10
    assert all(issubclass(kind, TraktAuthError) for kind in kinds)


def test_a_cause_is_not_part_of_the_copy():
    error = TryLater("fact")
    error.__cause__ = OSError("the-secret")
    assert b"the-secret" not in pickle.dumps(error)


REASONS = ("never", "signed-out", "revoked", "expired", "reply-lost", "moved")
EXPLAINED = [AppRejected("fact"), AppInvalid("fact"), UnexpectedReply("fact"), UnexpectedReply("fact", hint="")]
EXPLAINED += [LoginRequired("fact", reason=reason) for reason in REASONS]
EXPLAINED += [LoginRequired("fact", hint="Do this."), AppRejected("fact", hint="do this")]


@pytest.mark.parametrize("error", EXPLAINED, ids=lambda error: f"{type(error).__name__}-{getattr(error, 'reason', '')}")
def test_a_hint_ends_in_the_command_that_explains_it(error):
    command, _, entry = error.hint.rpartition(" ")
    assert command.endswith("Why: traktauth explain")
    assert ".." not in error.hint
    assert entry in {each.id for each in load_entries()}


@each_error
def test_a_traceback_ends_with_the_hint(error, attributes):
    shown = traceback.format_exception_only(error)
    assert shown[0].endswith(f".{type(error).__name__}: fact\n")
    assert shown[1:] == ([f"Hint: {error.hint}\n"] if error.hint else [])


def test_a_traceback_shows_a_hint_that_was_changed_and_other_notes():
    error = LoginRequired("fact")
    error.add_note("while the queue was emptied")
    other = copy.copy(error)
    error.hint = "Ask the user."
    assert error.__notes__ == ["while the queue was emptied", f"Hint: {error.hint}"]
    assert other.__notes__ == [f"Hint: {other.hint}", "while the queue was emptied"]
    error.hint = error.hint
    assert len(error.__notes__) == 2


def test_a_login_without_a_refresh_token_is_explained_as_such():
    """Not as one whose refresh token is too old, which the server's text "refresh token expired" says."""
    error = not_refreshable(Record(1, Token("a", expires_in=60, expires_at=1.0, generation=1)))
    assert (error.reason, error.explanation) == ("expired", "login-required")
    assert "gave no refresh token" in explain(error.explanation)[0].cause


def test_a_refused_refresh_token_is_explained_as_used_or_too_old():
    cause = explain(LoginRequired("fact", reason="revoked").explanation)[0].cause
    assert "used before" in cause
    assert "not used for 30 days" in cause


def test_a_hint_that_is_changed_still_ends_in_the_command_once():
    error = LoginRequired("fact")
    error.hint = error.hint.replace("traktauth login", "traktauth login --account tv")
    assert error.hint == "Sign in: traktauth login --account tv. Why: traktauth explain login-required"
    error.hint = "Ask the user."
    assert error.hint == "Ask the user. Why: traktauth explain login-required"


def test_other_hints_are_unchanged():
    assert TryLater("fact", hint="Wait a little...").hint == "Wait a little..."
