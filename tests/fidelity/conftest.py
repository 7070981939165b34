"""Local Trakts as the recorded engines were set, one for each profile, mode and database, shared by all tests here."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from fidelity.replay.seed_file import seed
from fidelity.replay.server import Server
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEEK = 7 * 86_400  # how long the recorded engines' access tokens live
ROTATIONS = {"prev": None, "ui": None, "noprev": "once"}


@pytest.fixture(scope="session")
def trakt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Get a local Trakt: `trakt("classic", "noprev", "file")`, with the apps and users that the engines had."""
    running: dict[tuple[str, ...], Server] = {}
    with ExitStack() as until_the_end:

        def get(profile: str, mode: str = "prev", database: str = "memory") -> Server:
            rotation = ROTATIONS[mode]
            key = (profile, rotation or "", database)
            if key not in running:
                folder = tmp_path_factory.mktemp("fidelity")
                addresses = {"memory": "memory:", "file": f"sqlite:{folder / 'trakt.sqlite'}"}
                settings = Settings(
                    port=0, profile=profile, rotation=rotation, control=True, seed=seed(), access_life=WEEK,
                    database=addresses[database],
                )  # fmt: skip
                embedded = until_the_end.enter_context(EmbeddedServer(settings))
                running[key] = Server(embedded.url, profile, local=True)
            return running[key]

        yield get
