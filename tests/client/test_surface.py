"""Blocking and async twins have one surface, and importing them costs next to nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from traktauth import App, AsyncAuthenticationOAuthApi, AsyncTrakt, AuthenticationOAuthApi, Trakt

TWINS = [(Trakt, AsyncTrakt), (AuthenticationOAuthApi, AsyncAuthenticationOAuthApi)]
FIXED = {
    Trakt: {"login", "token", "request", "refresh", "logout", "auth", "for_account", "from_env", "close", "account"},
    AuthenticationOAuthApi: {
        "authorize_application",
        "exchange_code_for_access_token",
        "exchange_refresh_token_for_access_token",
        "revoke_an_access_token",
        "generate_new_device_codes",
        "poll_for_the_access_token",
        "close",
    },
}


@pytest.mark.parametrize("kind", [Trakt, AsyncTrakt])
def test_a_client_id_instead_of_an_app_is_refused(kind):
    with pytest.raises(TypeError, match=r"app must be an App, such as App\(.*, not str$"):
        kind("a-client-id", store="memory:")


ANOTHER_TYPE = {
    "service": r"^service must be a str, not (int|NoneType)$",
    "store": r"^store must be an address, such as 'file:', .*TokenStore, not (int|NoneType)$",
    "account": r"^account must be a str, not int$",
}


@pytest.mark.parametrize("kind", [Trakt, AsyncTrakt])
@pytest.mark.parametrize("name", ANOTHER_TYPE)
@pytest.mark.parametrize("value", [7, None])
def test_a_setting_of_another_type_is_named(kind, name, value):
    if (name, value) == ("account", None):
        return  # without an account, it is "must not be empty"
    with pytest.raises(TypeError, match=ANOTHER_TYPE[name]):
        kind(App("a-client-id"), **{"store": "memory:", name: value})


@pytest.mark.parametrize("value", [7, None, b"/sync/history"])
def test_an_argument_of_another_type_is_named(value):
    with Trakt(App("a-client-id"), store="memory:") as trakt:
        with pytest.raises(TypeError, match=r"^path must be a str, not "):
            trakt.request("GET", value)
        with pytest.raises(TypeError, match=r"^method must be a str, not "):
            trakt.request(value, "/sync/history")
        with pytest.raises(TypeError, match=r"^url must be a str, not "):
            trakt.attempt(value)


@pytest.mark.parametrize("value", [{"access_token": "a", "expires_in": 7200}, "access", None])
def test_only_a_token_can_be_adopted(value):
    with (
        Trakt(App("a-client-id"), store="memory:") as trakt,
        pytest.raises(TypeError, match=r"^adopt needs a traktauth\.Token\(access_token=…, …\), not "),
    ):
        trakt.adopt(value)


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def parameters(function):
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(("blocking", "awaited"), TWINS)
def test_twins_have_the_same_public_names(blocking, awaited):
    assert public(blocking) == public(awaited)
    assert FIXED[blocking] <= public(blocking)


@pytest.mark.parametrize(("blocking", "awaited"), TWINS)
def test_twins_take_the_same_parameters_with_the_same_defaults(blocking, awaited):
    for name in sorted(public(blocking) | {"__init__"}):
        one, two = inspect.getattr_static(blocking, name), inspect.getattr_static(awaited, name)
        assert type(one) is type(two), name
        if callable(getattr(blocking, name)):
            assert parameters(getattr(blocking, name)) == parameters(getattr(awaited, name)), name


@pytest.mark.parametrize(("blocking", "awaited"), TWINS)
def test_methods_that_send_or_store_are_coroutines_in_the_async_class_only(blocking, awaited):
    plain = {"authorize_application", "for_account", "from_env", "auth"}
    for name in public(blocking):
        if isinstance(inspect.getattr_static(blocking, name), property):
            continue
        assert not inspect.iscoroutinefunction(getattr(blocking, name)), name
        assert inspect.iscoroutinefunction(getattr(awaited, name)) is (name not in plain), name
    enter, leave = ("__enter__", "__exit__"), ("__aenter__", "__aexit__")
    assert all(hasattr(blocking, name) for name in enter)
    assert all(hasattr(awaited, name) for name in leave)


HEAVY = [
    "httpx2",
    "httpcore2",
    "anyio",
    "h11",
    "asyncio",
    "ssl",
    "socket",
    "requests",
    "urllib3",
    "starlette",
    "uvicorn",
    "click",
    "segno",
    "cryptography",
    "msgspec",
    "jinja2",
    "sqlite3",
    "webbrowser",
    "platformdirs",
    "logging",
    "traktauth.server",
    "traktauth.cli",
]


def loaded(code):
    """The modules that a program has loaded at its end, beside those of the interpreter's own start."""
    program = f"import sys; started = set(sys.modules); {code}; print(*set(sys.modules) - started)"
    environment = {"PATH": "/usr/bin:/bin"}  # no measurement of coverage, which loads modules of its own
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    modules = loaded("from traktauth import App, Trakt")
    assert "traktauth.models.app" in modules
    assert [name for name in HEAVY if name in modules] == []


def test_a_valid_token_from_a_file_is_served_without_an_http_library(sign_in, trakt_server, address):
    sign_in()
    code = (
        "from traktauth import App, Trakt; "
        f"t = Trakt(App('client-id'), service={trakt_server.base!r}, store={address!r}); "
        "assert t.token().generation == 1"
    )
    modules = loaded(code)
    assert "traktauth.stores.file.store" in modules
    assert [name for name in HEAVY if name in modules] == []
