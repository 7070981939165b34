"""Fixtures for pytest, which finds them by itself: `local_trakt`, `trakt`, `async_trakt`, `trakt_env`, `trakt_sandbox`.

Importing this module imports nothing but pytest: it happens in every run in an environment that has traktauth.
"""

from __future__ import annotations

from inspect import signature
from os import environ
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest

import traktauth.testing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from traktauth.sandbox import Sandbox
    from traktauth.testing import LocalTrakt

MARKER = (
    'trakt(profile="current", user="sean", faults=[…], **settings): how the local Trakt of this test runs, as for '
    "traktauth.testing.LocalTrakt, and who is signed in (user=None: no user); the closest marker counts"
)
USER = "sean"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def _shared_local_trakt() -> Iterator[LocalTrakt]:
    """Run one local Trakt with default settings for the tests of this process."""
    with _local_trakt_class()() as server:
        yield server


@pytest.fixture
def local_trakt(request: pytest.FixtureRequest) -> Iterator[LocalTrakt]:
    """Run a local Trakt without tokens; `@pytest.mark.trakt(…)` gives it other settings.

    Tests with default settings share a server, which is reset before each; others have their own.
    """
    wanted = _read_marker(request)
    if not wanted.settings:
        server: LocalTrakt = request.getfixturevalue("_shared_local_trakt")
        server.reset()
        server.origins.clear()
        yield server
        return
    with _make_local_trakt(wanted.settings) as server:
        yield server


@pytest.fixture
def trakt(request: pytest.FixtureRequest, local_trakt: LocalTrakt) -> Iterator[traktauth.Trakt]:
    """Open a `Trakt` at `local_trakt`, signed in as `sean` or the marker's `user`, with a store in memory."""
    with traktauth.Trakt(local_trakt.app, service=local_trakt.url, store="memory:", clock=local_trakt.clock) as client:
        _sign_in(request, local_trakt, client)
        yield client


@pytest.fixture
def async_trakt(request: pytest.FixtureRequest, local_trakt: LocalTrakt) -> traktauth.AsyncTrakt:
    """Return an `AsyncTrakt` that is signed in, not entered: `async with async_trakt:`."""
    app, service, clock = local_trakt.app, local_trakt.url, local_trakt.clock
    with traktauth.Trakt(app, service=service, store="memory:", clock=clock) as client:
        _sign_in(request, local_trakt, client)
    return traktauth.AsyncTrakt(app, service=service, store=client.store, clock=clock)


@pytest.fixture
def trakt_env(
    request: pytest.FixtureRequest, local_trakt: LocalTrakt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Set `TRAKTAUTH_*` for code that uses `from_env` or the command, signed in; return what was set.

    The store is a file in `tmp_path`; the configuration file of the machine's user is not read.
    """
    app, config = local_trakt.app, tmp_path / "traktauth.toml"
    config.touch()
    variables = {
        "TRAKTAUTH_CLIENT_ID": app.client_id,
        "TRAKTAUTH_REDIRECT_URI": app.redirect_uri,
        "TRAKTAUTH_SERVICE": local_trakt.url,
        "TRAKTAUTH_STORE": f"file:{tmp_path / 'traktauth.json'}",
        "TRAKTAUTH_CONFIG": str(config),
    }
    if local_trakt.settings.control:  # or it has no clock to ask
        variables["TRAKTAUTH_CLOCK_URL"] = f"{local_trakt.url}/_control/clock"
    if app.client_secret is not None:
        variables["TRAKTAUTH_CLIENT_SECRET"] = app.client_secret
    for name in [name for name in environ if name.startswith("TRAKTAUTH_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with traktauth.Trakt.from_env(clock=local_trakt.clock) as client:
        _sign_in(request, local_trakt, client)
    return variables


@pytest.fixture
def trakt_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Run a sandbox: `subprocess.run(command, env=trakt_sandbox.environ)` reaches a local Trakt."""
    settings = {"public_url": "https://trakt.tv", "control": False, **_read_marker(request).settings}
    with _make_local_trakt(settings) as server:
        try:
            from traktauth.sandbox import Sandbox  # noqa: PLC0415 - when a test asks for it
        except traktauth.TraktAuthError as error:
            _fail(error)
        with Sandbox(server) as sandbox:
            yield sandbox


class _Wanted(NamedTuple):
    """What a test's marker asks for: the settings that differ from the defaults, and the user."""

    settings: dict[str, Any]
    user: str | None


def _read_marker(request: pytest.FixtureRequest) -> _Wanted:
    """Read the closest marker; a marker that cannot be read fails the test."""
    marker = request.node.get_closest_marker("trakt")
    if marker is None:
        return _Wanted({}, USER)
    known = {each.name: each.default for each in signature(_local_trakt_class()).parameters.values()}
    settings = dict(marker.kwargs)
    user: str | None = settings.pop("user", USER)
    unknown = sorted(settings.keys() - known.keys())
    if marker.args or unknown:
        wrong = f"no setting {', '.join(map(repr, unknown))}" if unknown else "keyword arguments only"
        pytest.fail(f"@pytest.mark.trakt has {wrong}; it may have user, {', '.join(known)}", pytrace=False)
    if user is not None and (not isinstance(user, str) or not user):  # pyright: ignore[reportUnnecessaryIsInstance] - a marker is not checked
        pytest.fail(f"@pytest.mark.trakt: user must be a user's name or None, not {user!r}", pytrace=False)
    return _Wanted({name: value for name, value in settings.items() if value != known[name]}, user)


def _make_local_trakt(settings: dict[str, Any]) -> LocalTrakt:
    """Return a local Trakt with these settings; a value that makes no sense fails the test."""
    try:
        return _local_trakt_class()(**settings)
    except (TypeError, ValueError) as error:
        pytest.fail(f"@pytest.mark.trakt: {error}", pytrace=False)


def _local_trakt_class() -> type[LocalTrakt]:
    """Return `LocalTrakt`; fail the test if what it needs is not installed."""
    try:
        return traktauth.testing.LocalTrakt
    except traktauth.TraktAuthError as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    """Fail the test with an error's message and its hint."""
    pytest.fail(f"{error}\n{getattr(error, 'hint', '')}", pytrace=False)


def _sign_in(request: pytest.FixtureRequest, server: LocalTrakt, client: traktauth.Trakt) -> None:
    """Sign the marker's user in."""
    user = _read_marker(request).user
    if user is not None:
        server.sign_in_at(client, user)
