"""The public names: what is promised is there, typed, documented, and nothing is loaded before it is used."""

from __future__ import annotations

import ast
import copy
import importlib.metadata
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import traktauth

PROMISED = [
    "App", "AsyncAttempt", "AsyncAuthenticationOAuthApi", "AsyncTrakt", "Attempt", "AuthenticationOAuthApi",
    "DeviceCode", "LoginState", "LoginStatus", "Service", "SignedOut", "Token", "Trakt", "AppInvalid", "AppRejected",
    "LoginExists", "LoginMoved", "LoginRefused", "LoginRequired", "StoreFailed", "TraktAuthError", "TryLater",
    "UnexpectedReply", "fingerprint", "steps",
]  # fmt: skip


def test_every_promised_name_is_there_and_documented():
    for name in PROMISED:
        assert name in traktauth.__all__
        assert inspect.getdoc(getattr(traktauth, name)), name


def test_nothing_else_is_public():
    assert sorted(traktauth.__all__) == sorted([*PROMISED, "LostReply", "LoginMethod", "__version__"])


def test_a_repl_and_help_show_every_public_name():
    """In a process of its own, as an import of the name would add it."""
    program = "import traktauth, pydoc; print(*dir(traktauth)); print(pydoc.plain(pydoc.render_doc(traktauth)))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    names, text = shown.split("\n", 1)
    assert set(traktauth.__all__) <= set(names.split())
    assert "class Trakt(" in text
    assert "class AsyncTrakt(" in text


def test_a_type_checker_sees_no_module_that_has_every_name():
    """A `__getattr__` of a module types each misspelt import as an object, so `from traktauth import Trackt` passes."""
    modules = list(Path(traktauth.__file__).parent.rglob("*.py"))
    assert len(modules) > 300
    for path in modules:
        for node in ast.parse(path.read_bytes()).body:
            assert not (isinstance(node, ast.FunctionDef) and node.name == "__getattr__"), (
                f"{path}: if not TYPE_CHECKING"
            )


@pytest.mark.parametrize("module", ["traktauth.web.django", "traktauth.web.allauth"])
def test_a_repl_shows_the_names_of_a_django_app_without_settings(module):
    program = f"import {module} as module; print(set(module.__all__) <= set(dir(module)), *module.__all__)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("True ")


def test_the_types_of_every_signature_can_be_read_at_run_time():
    """In a process of its own, as an import of a name would add it."""
    program = """
import typing, traktauth
for kind in (traktauth.Trakt, traktauth.AsyncTrakt):
    for method in ("__init__", "from_env", "login", "token", "request", "attempt", "logout", "refresh"):
        typing.get_type_hints(getattr(kind, method))["return"]
"""
    subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)


def test_the_stores_are_public():
    for name in ("AsyncTokenStore", "FleetStore", "TextStore", "TokenStore", "open_store"):
        assert name in dir(traktauth.stores)
        assert inspect.getdoc(getattr(traktauth.stores, name)), name
    with pytest.raises(AttributeError, match="TextStor"):
        _ = traktauth.stores.TextStor


@pytest.mark.parametrize("kind", [traktauth.Trakt, traktauth.AsyncTrakt])
@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_that_is_pickled_or_copied_says_what_to_do_instead(kind, copied):
    with pytest.raises(TypeError, match="make one in each process"):
        copied(kind(traktauth.App("client-id"), store="memory:"))


def test_an_unknown_argument_of_from_env_is_refused():
    with pytest.raises(TypeError, match="acount"):
        traktauth.Trakt.from_env(acount="x")


def test_another_name_is_missed_as_anywhere():
    with pytest.raises(AttributeError, match="no attribute 'Trackt'"):
        _ = traktauth.Trackt


# The commissioned document's operations, one to one: names and defaults.
OPERATIONS = {
    "authorize_application": {
        "client_id": ..., "redirect_uri": ..., "response_type": "code", "state": None, "signup": None,
        "code_challenge": None,
    },
    "exchange_code_for_access_token": {
        "code": ..., "client_id": ..., "client_secret": ..., "redirect_uri": ..., "code_verifier": None,
    },
    "exchange_refresh_token_for_access_token": {"refresh_token": ..., "client_id": ..., "client_secret": ...},
    "revoke_an_access_token": {"token": ..., "client_id": ..., "client_secret": ...},
    "generate_new_device_codes": {"client_id": ..., "code_challenge": None},
    "poll_for_the_access_token": {"code": ..., "client_id": ..., "client_secret": ..., "code_verifier": None},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["AuthenticationOAuthApi", "AsyncAuthenticationOAuthApi"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_of_the_document_has_its_names_and_defaults(kind, operation):
    parameters = inspect.signature(getattr(getattr(traktauth, kind), operation)).parameters
    for name, default in OPERATIONS[operation].items():
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[name].default is (inspect.Parameter.empty if default is ... else default)
    assert set(OPERATIONS[operation]) <= set(parameters)


def test_the_version_is_that_of_the_distribution():
    assert traktauth.__version__ == importlib.metadata.version("traktauth")
