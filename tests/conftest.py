"""Fixtures for every test: real engines, a local Trakt, a cable, a browser, and environments of other clients.

What is not on this machine is skipped, and the reason names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from support.cable import Cable
from support.engines import BetterAuth, Doorkeeper, Missing, start_better_auth, start_doorkeeper
from support.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

pytest_plugins = ["support.closing"]


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
    """Get a real Doorkeeper with `DK_PREV="0"` and the like: `start_doorkeeper_with(**env)`."""
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
def cable() -> Iterator[Callable[[str], Cable]]:
    """Lay a cable to a server: `cable(server.base)` is a `support.cable.Cable`, open until the test ends."""
    laid: list[Cable] = []

    def lay(upstream: str) -> Cable:
        laid.append(Cable(upstream).__enter__())
        return laid[-1]

    yield lay
    for one in laid:
        one.__exit__()


def _or_skip(start: Callable[..., T]) -> Callable[..., T]:
    """Turn Missing into a skip."""

    def start_or_skip(*args: object, **kwargs: object) -> T:
        try:
            return start(*args, **kwargs)
        except Missing as missing:
            pytest.skip(str(missing))

    return start_or_skip
