"""Errors: named by what the caller does next, each with a hint, fit to be copied, pickled and printed."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from traktauth import errors
from traktauth.cli.command_hints import COMMAND_HINTS, command_hint
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
from traktauth.flow.moved_login import being_moved, moved_error
from traktauth.flow.refresh_policy import not_refreshable
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.models import Record, Token
from traktauth.models.record import EMPTY
from traktauth.stores.open import open_store
from traktauth.web.failure import Cause

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
    (UnexpectedReply("fact", status=423), {"status": 423, "code": "account-locked"}),
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
        (LoginRequired("fact"), "ensure_login()"),
        (LoginRefused("fact"), "login()"),
        (AppRejected("fact"), "client_secret"),
        (AppInvalid("fact"), "redirect_uri"),
        (TryLater("fact", retry_after=12), "Repeat it in 12 s"),
        (StoreFailed("fact"), "Check the disk"),
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
    assert (error.reason, error.code) == ("expired", "login-expired")
    assert "gave no refresh token" in explain(error.code)[0].cause


def test_a_refused_refresh_token_is_explained_with_its_likely_causes():
    cause = explain(LoginRequired("fact", reason="revoked").code)[0].cause
    assert "not refreshed for 30 days" in cause
    assert "disconnected the app" in cause


# ---------------------------------------------------------------- codes
PAGE = (Path(__file__).parents[1] / "docs" / "errors.md").read_text()
LISTED = set(re.findall(r"^\| `([a-z-]+)` \| `[A-Z]\w+` \|", PAGE, re.MULTILINE))
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TraktAuthError)]


def all_codes():
    """Return every code: of the classes, of the hints, and those that a raise in the package names."""
    sources = "".join(path.read_text() for path in Path(errors.__file__).parent.rglob("*.py"))
    named = re.findall(r"\bcode=\"([a-z]+-[a-z-]+)\"", sources)
    reasons = [f"login-{reason}" for reason in get_args(errors.LoginRequiredReason)]
    causes = [f"sign-in-{cause}" for cause in get_args(Cause)]
    return {*errors.HINTS, *(kind("fact").code for kind in KINDS), *named, *reasons, *causes}


def test_every_error_has_a_code_that_the_page_lists():
    assert all_codes() - LISTED == set()


def test_the_page_lists_no_code_that_no_error_has():
    computed = {"login-unreadable", "store-unreachable", *errors.ACCOUNT_CODES.values()}
    assert LISTED - all_codes() - computed == set()


def test_no_message_or_hint_of_the_library_assumes_the_command_line():
    for kind in KINDS:
        error = kind("fact")
        assert "traktauth " not in error.hint
    assert [hint for hint in errors.HINTS.values() if "traktauth " in hint or "TRAKTAUTH_" in hint] == []


def test_a_program_is_told_of_a_damaged_store_without_commands(tmp_path):
    for name in ("file", "sqlite"):
        path = tmp_path / name
        path.write_bytes(b"damaged" * 1000)
        with pytest.raises(StoreFailed) as caught, closing(open_store(f"{name}:{path}")) as store:
            store.list_logins()
        assert not re.search("traktauth |--store", caught.value.hint)
        assert re.search("traktauth |--store", command_hint(caught.value))


def test_a_hint_in_commands_is_shown_by_the_command_line_alone():
    error = StoreFailed("fact", hint="Restore it", hint_command=Hint("Restore it: ", LOGIN_COMMAND))
    assert (error.hint, command_hint(error)) == ("Restore it", "Restore it: traktauth login")
    assert traceback.format_exception(error)[-1] == "Hint: Restore it\n"
    assert pickle.loads(pickle.dumps(error)).hint_command.parts == ("Restore it: ", LOGIN_COMMAND)
    error.hint = "Look at the disk"
    assert command_hint(error) == error.hint == "Look at the disk"


@pytest.mark.parametrize("moved_to", ["sqlite:/srv/logins.db", "export:pytrakt:/srv/x.json", "no store"])
def test_a_program_is_told_of_a_moved_login_without_commands(moved_to):
    for error in (
        moved_error(replace(EMPTY, moved_to=moved_to)),
        being_moved(moved_to, is_valid=True),
        being_moved(moved_to, is_valid=False),
    ):
        assert not re.search("traktauth|TRAKTAUTH|--", error.hint), error.hint
        assert re.search("traktauth|--store", command_hint(error))


def test_the_command_line_has_a_hint_for_each_hint_that_names_a_method():
    needed = {code for code, hint in errors.HINTS.items() if "()" in hint or "=" in hint}
    assert needed - COMMAND_HINTS.keys() == set()


def test_the_command_line_names_its_own_command():
    assert command_hint(LoginRequired("fact")) == "Sign in: traktauth login"
    assert command_hint(LoginRequired("fact", hint="Ask the user.")) == "Ask the user."
    assert command_hint(AppRejected("fact")).endswith("Why: traktauth explain app-rejected")


def test_each_code_that_a_hint_explains_is_an_entry():
    assert {*errors.HINTS, *COMMAND_HINTS} <= {entry.id for entry in load_entries()}
