"""A store's address as it may be shown: in a hint, in an error."""

from __future__ import annotations

from traktauth.models.store_address import POSTGRES_SCHEMES

_STARS = "***"
_PATHS = {"file", "sqlite"}
# What an address's query may say without giving anything away; of all else only the name is shown.
HARMLESS = frozenset({"connections", "prefix", "db", "host", "port", "dbname", "user", "options", "service", "sslmode"})


def without_password(address: str) -> str:
    """Return an address with stars in the place of passwords, so that it still tells which place it is.

    Where it cannot be seen what is a password, as one with an @ or a ? in it is not percent-encoded, more is hidden.
    """
    start = "sealed+" if address.startswith("sealed+") else ""
    scheme, colon, rest = address.removeprefix(start).partition(":")
    if not colon or scheme in _PATHS:
        return address
    slashes = "//" if rest.startswith("//") else ""
    before, at, place = rest.removeprefix("//").rpartition("@")
    user, mark, _ = before.partition(":")
    if "?" in before or "/" in user or "@" in user:
        return f"{start}{scheme}:{slashes}{_STARS}"
    if at:
        # Elsewhere what stands alone before an @ may be meant as a password.
        before = f"{user}:{_STARS}" if mark and slashes else user if scheme in POSTGRES_SCHEMES and slashes else _STARS
    path, mark, query = place.partition("?")
    return (
        f"{start}{scheme}:{slashes}{before}{at}{path}{mark}{'&'.join(_show_setting(part) for part in query.split('&'))}"
    )


def without_user(address: str) -> str:
    """Return the address of a server as it was written into records at first: without user and settings."""
    start, mark, place = address.partition("://")
    own = [part for part in place.partition("?")[2].split("&") if part.partition("=")[0] == "prefix"]
    rest = place.partition("?")[0].rpartition("@")[2]
    return f"{start}{mark}{rest}{'?' if own else ''}{'&'.join(own)}" if mark else address


def _show_setting(part: str) -> str:
    """Return one setting of a query."""
    name, equals, _ = part.partition("=")
    return part if not part or name in HARMLESS else f"{name}{equals}{_STARS if equals else ''}"
