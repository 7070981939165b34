"""Local Trakts as the recorded engines were set, one for each profile, mode and database, shared by all tests here."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from fidelity.replay.seed_file import seed
from fidelity.replay.server import Server
from support.postgres import PostgresServer
from traktauth.server.config.settings import Settings
from traktauth.server.process.embedded import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEEK = 7 * 86_400  # how long the recorded engines' access tokens live
ROTATIONS = {"prev": None, "ui": None, "noprev": "once"}
ADDRESS = "TRAKTAUTH_TEST_DATABASE"
"""A database's address in the environment: the replay runs on that one too."""


@pytest.fixture(scope="session")
def _postgres_database() -> Iterator[Callable[[str], str]]:
    """Make a database of a name in a PostgreSQL of the tests' own, and give its address."""
    server = PostgresServer()

    def make(name: str) -> str:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return server.url.rpartition("/")[0] + f"/{name}"

    yield make
    server.stop()


@pytest.fixture(scope="session")
def trakt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Get a local Trakt: `trakt("classic", "noprev", "file")`, with the apps and users that the engines had."""
    running: dict[tuple[str, ...], Server] = {}
    with ExitStack() as until_the_end:

        def get(profile: str, mode: str = "prev", database: str = "memory") -> Server:
            rotation = ROTATIONS[mode]
            key = (profile, rotation or "", database)
            if key not in running:
                folder = tmp_path_factory.mktemp("fidelity")
                addresses = {"memory": "memory:", "file": f"sqlite:{folder / 'trakt.sqlite'}"}
                if database == "postgresql":
                    addresses[database] = request.getfixturevalue("_postgres_database")("_".join(key[:2]))
                settings = Settings(
                    port=0, profile=profile, rotation=rotation, control=True, seed=seed(), access_life=WEEK,
                    database=addresses.get(database) or os.environ[ADDRESS],
                )  # fmt: skip
                embedded = until_the_end.enter_context(EmbeddedServer(settings))
                running[key] = Server(embedded.url, profile, local=True)
            return running[key]

        yield get
