"""The logins of a store that a command is about, each read by itself: one that cannot be read hides no other."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from traktauth.cli.standing import Standing
from traktauth.errors import StoreFailed
from traktauth.models import Login

if TYPE_CHECKING:
    from traktauth.cli.place import Place
    from traktauth.client.settings import Settings
    from traktauth.stores.base import TokenStore

_NAMELESS = "default"


@dataclass(frozen=True, slots=True)
class Unread:
    """A login whose record cannot be read.

    Attributes:
        login: whose.
        why: the fact.
        hint: what mends it, about this very login.
    """

    login: Login
    why: str
    hint: str

    def document(self) -> dict[str, Any]:
        """Return what a program reads."""
        return {
            **asdict(self.login),
            "state": "unreadable",
            "needs_login": False,
            "message": self.why,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found: where the logins stand that could be read, and those that could not."""

    standings: list[Standing] = field(default_factory=list[Standing])
    unread: list[Unread] = field(default_factory=list[Unread])


def look(store: TokenStore, settings: Settings, place: Place) -> Seen:
    """Return the logins that hold a token, and the one that is named; that of the settings comes first.

    Where none is named, the settings' own is among them if it was moved elsewhere, or if there is no other.

    Raises:
        ValueError: the service that a flag or a setting names does not exist.
        StoreFailed: the store cannot be read, whoever's login is asked for.
    """
    realm = settings.find_service().realm
    own = Login(realm, settings.client_id, settings.account)
    logins = [each for each in store.logins() if place.account in {None, each.account}]
    if place.service is not None:
        logins = [each for each in logins if each.realm == realm]
    seen = Seen()
    for login in sorted(logins, key=lambda login: (login != own, login)):
        _read(store, login, settings, place, seen)
    held = [
        each for each in seen.standings if each.record.token is not None or (each.login == own and each.record.moved)
    ]
    found = {each.login for each in held} | {each.login for each in seen.unread}
    named = place.account is not None or settings.account != _NAMELESS
    if own not in found and ((named and settings.client_id) or (not found and (named or settings.client_id))):
        missing = Seen()
        _read(store, own, settings, place, missing)
        held[:0], seen.unread[:0] = missing.standings, missing.unread
    return Seen(held, seen.unread)


def _read(store: TokenStore, login: Login, settings: Settings, place: Place, seen: Seen) -> None:
    try:
        record = store.load(login)
    except StoreFailed as error:
        if not error.of_one:
            raise
        seen.unread.append(Unread(login, error.message, place.about(login).aim(error.hint)))
    else:
        seen.standings.append(Standing(login, record, time.time(), settings.lost_reply))
