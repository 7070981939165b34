"""The apps and users of `fidelity/seed.json`, which every server is started with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEED = Path(__file__).parents[1] / "seed.json"
OOB = "urn:ietf:wg:oauth:2.0:oob"


@dataclass(frozen=True)
class App:
    """An app of the seed file."""

    name: str
    client_id: str
    client_secret: str | None
    redirect_uris: tuple[str, ...]
    confidential: bool

    @property
    def callback(self) -> str:
        """Its first redirect address."""
        return self.redirect_uris[0]

    @property
    def credentials(self) -> dict[str, str]:
        """What it sends to prove itself."""
        secret = {"client_secret": self.client_secret} if self.client_secret and self.confidential else {}
        return {"client_id": self.client_id, **secret}


def seed() -> dict[str, Any]:
    """Give the seed file."""
    return json.loads(SEED.read_text())


def _app(fields: dict[str, Any]) -> App:
    known = {name: fields[name] for name in ("name", "client_id", "client_secret", "confidential")}
    return App(**known, redirect_uris=tuple(fields["redirect_uris"]))


APPS = {app.name: app for app in map(_app, seed()["apps"])}
USERS = {user["username"]: user for user in seed()["users"]}
