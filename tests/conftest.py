"""Fixtures for every test: real engines, a local Trakt, a proxy, a browser, and environments of other clients.

What is not on this machine is skipped, and the reason names it.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import pytest

from support.chromium import chromium
from support.command import Command
from support.engines import BetterAuth, Doorkeeper, Missing, start_better_auth, start_doorkeeper
from support.environments import PYTRAKT, environment
from support.local import LocalTrakt, start_local_trakt
from support.pool import Pool
from support.recording_proxy import RecordingProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

T = TypeVar("T")

# A shell's background job ignores Ctrl-C, and nohup's SIGHUP; the programs that the tests start would ignore them too.
for _signal, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, _handler)


SLOW = {"browser", "clients", "engines"}  # folders whose tests need a browser, Node.js or Ruby


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of these folders as slow; other tests are marked in their modules."""
    for item in items:
        if item.path.parent.name in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def _better_auths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool[BetterAuth]]:
    with Pool(lambda **env: start_better_auth(tmp_path_factory.mktemp("better-auth"), **env)) as pool:
        yield pool


@pytest.fixture(scope="session")
def _doorkeepers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool[Doorkeeper]]:
    with Pool(lambda **env: start_doorkeeper(tmp_path_factory.mktemp("doorkeeper"), **env)) as pool:
        yield pool


@pytest.fixture
def start_better_auth_with(_better_auths: Pool[BetterAuth]) -> Callable[..., BetterAuth]:
    """Get a real better-auth with `ACCESS_TTL="5"` and the like: `start_better_auth_with(**env)`, reset."""
    return _or_skip(_better_auths)


@pytest.fixture
def start_doorkeeper_with(_doorkeepers: Pool[Doorkeeper]) -> Callable[..., Doorkeeper]:
    """Get a real Doorkeeper with `ROTATION="once"` and the like: `start_doorkeeper_with(**env)`."""
    return _or_skip(_doorkeepers)


@pytest.fixture
def better_auth(start_better_auth_with: Callable[..., BetterAuth]) -> BetterAuth:
    """Real better-auth with its own life times, without tokens."""
    return start_better_auth_with()


@pytest.fixture
def doorkeeper(start_doorkeeper_with: Callable[..., Doorkeeper]) -> Doorkeeper:
    """Real Doorkeeper as Trakt ran it: a used refresh token stays good until the new access token is used."""
    return start_doorkeeper_with()


@pytest.fixture
def recording_proxy() -> Iterator[Callable[[str], RecordingProxy]]:
    """Start a proxy to a server: `recording_proxy(server.base)`, open until the test ends."""
    started: list[RecordingProxy] = []

    def start(upstream: str) -> RecordingProxy:
        started.append(RecordingProxy(upstream).__enter__())
        return started[-1]

    yield start
    for one in started:
        one.__exit__()


@pytest.fixture(scope="session")
def _local_trakts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, ...], LocalTrakt]]:
    running: dict[tuple[str, ...], LocalTrakt] = {}
    yield running
    for one in running.values():
        one.stop()


@pytest.fixture
def local_trakt(
    _local_trakts: dict[tuple[str, ...], LocalTrakt], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., LocalTrakt]:
    """Get a local Trakt as its users run it: `local_trakt("classic", "--rotation", "once")`, reset.

    A process in memory with the apps and the user of `support.local`; shared by the tests that ask for the same flags.
    """

    def get(profile: str = "current", *flags: str) -> LocalTrakt:
        key = (profile, *flags)
        if key in _local_trakts and _local_trakts[key].process.poll() is None:
            _local_trakts[key].reset()
        else:
            folder = tmp_path_factory.mktemp("local-trakt")
            _local_trakts[key] = start_local_trakt(folder, *flags, profile=profile)
        return _local_trakts[key]

    return get


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Get the command line for an app at a service: `command_line(server.base, server.app)` is a `Command`."""
    with ExitStack() as until_the_end:

        def command_line(service: str, app: object, store: str | None = None) -> Command:
            command = Command(service, app, tmp_path, store)
            until_the_end.callback(command.stop)
            return command

        yield command_line


@pytest.fixture(scope="module")  # Playwright keeps an event loop in this thread: not while other modules' tests run
def browser() -> Iterator[Browser]:
    """Run Debian's Chromium, by Playwright."""
    with ExitStack() as until_the_end:
        yield _or_skip(lambda: until_the_end.enter_context(chromium()))()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page in a fresh browser profile."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def pytrakt_python() -> Path:
    """Find the python of an environment with PyTrakt, the rival that most tools use."""
    return _or_skip(environment)(*PYTRAKT)


@pytest.fixture(scope="session")
def authlib_python() -> Path:
    """Find the python of an environment with Authlib over httpx2 and requests."""
    return _or_skip(environment)("authlib", "Authlib~=1.9", "httpx2>=2.15", "requests~=2.32")


def _or_skip(start: Callable[..., T]) -> Callable[..., T]:
    """Turn Missing into a skip."""

    def start_or_skip(*args: object, **kwargs: object) -> T:
        try:
            return start(*args, **kwargs)
        except Missing as missing:
            pytest.skip(str(missing))

    return start_or_skip
