"""From a store's address to the store; and addresses as they may be shown."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from traktauth.errors import StoreFailed
from traktauth.models.store_address import (
    LOCAL_STORES,
    POSTGRES_SCHEMES,
    REDIS_SCHEMES,
    SEALED,
    SERVER_STORES,
    is_store_address,
)
from traktauth.stores.base import TokenStore
from traktauth.stores.encryption import AesGcmCipher, Cipher, read_keys
from traktauth.stores.errors import DurabilityWarning
from traktauth.stores.file.store import FileStore
from traktauth.stores.memory import MemoryStore
from traktauth.stores.user_folders import user_folder

_STARS = "***"
_MAX_CONNECTIONS = 1000  # more are a mistake
_PATHS = {"file", "sqlite"}
# What an address's query may say without giving anything away; of all else only the name is shown.
_HARMLESS = frozenset(
    {"connections", "prefix", "db", "host", "port", "dbname", "user", "options", "service", "sslmode"}
)


def without_password(address: str) -> str:
    """Return an address with stars in the place of passwords, so that it still tells which place it is.

    If the password cannot be located, as it has an @ or a ? that is not percent-encoded, more is hidden.
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


def _show_setting(part: str) -> str:
    """Return one setting of a query."""
    name, equals, _ = part.partition("=")
    return part if not part or name in _HARMLESS else f"{name}{equals}{_STARS if equals else ''}"


# ---------------------------------------------------------------- servers
@dataclass(frozen=True, slots=True)
class StoreUrl:
    """An address, taken apart.

    Attributes:
        url: for the driver, with the password.
        address: as it may be shown.
        own: what the query says to us.
        names_service_and_host: whether libpq would send the password of a service to another host than the service's.
    """

    url: str = field(repr=False)
    address: str
    own: dict[str, str]
    names_service_and_host: bool = False

    def count(self, name: str, default: int) -> int:
        """Return a number from the query, from 1 to 1000.

        Raises:
            ValueError: it is not a number in range.
        """
        text = self.own.get(name, str(default))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= _MAX_CONNECTIONS):
            raise ValueError(f"{name}= in the store's address must be a number from 1 to 1000")
        return int(text)


def parse_store_url(url: str, *names: str) -> StoreUrl:
    """Take our own names out of an address's query.

    Raises:
        ValueError: it is not an address.
    """
    authority = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]
    if url.count("@") > authority.count("@") or authority.count("@") > 1 or "#" in url:
        # Else a part of the password would be taken for the host, and be shown in errors.
        raise ValueError(
            "The store's address has an @ or a # where none can be; "
            "percent-encode user, password and settings: @ is %40, # is %23, ? is %3F, / is %2F"
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # What is wrong with it is not said, as the password may be part of that.
        raise ValueError("The store's address cannot be read: its host or port is malformed") from None
    query = parse_qsl(parts.query, keep_blank_values=True)
    own = {name: value for name, value in query if name in names}
    # Spaces as %20: a driver may take a + for what it is.
    others = urlencode([(name, value) for name, value in query if name not in names], quote_via=quote)
    user, _, host = parts.netloc.rpartition("@")
    if user and parts.scheme in POSTGRES_SCHEMES:  # who connects decides which tables are found
        host = f"{user.partition(':')[0]}@{host}"
    told = urlencode([(name, value) for name, value in query if name in _HARMLESS], quote_via=quote)
    shown = _join(parts.scheme, host, parts.path, told)
    names_host = bool(parts.hostname) or any(name in {"host", "hostaddr"} for name, _ in query)
    names_service = any(name == "service" for name, _ in query)
    url_of_driver = _join(parts.scheme, parts.netloc, parts.path, others)
    return StoreUrl(url_of_driver, shown, own, names_service and names_host)


def _join(scheme: str, host: str, path: str, query: str) -> str:
    """Return an address; `urlunsplit` leaves the slashes of one without a host out, such as that of a socket."""
    return f"{scheme}://{host}{path}{'?' if query else ''}{query}"


def is_local(host: str | None) -> bool:
    """Return whether a server is reached without leaving this machine: by a socket's path or a loopback address."""
    if not host or host.startswith(("/", "@")) or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def find_warnings(server: str, hosts: list[str], fix: str) -> list[str]:
    """Return a problem if what goes to one of some hosts can be read on the way.

    Args:
        server: what kind of server.
        hosts: those of its address.
        fix: the setting of the address that demands TLS.
    """
    remote = [host for host in hosts if not is_local(host)]
    if not remote:
        return []
    where = f"the {server} at {', '.join(remote)}"
    return [DurabilityWarning(f"Tokens go to {where} and can be read on the way, as no TLS is demanded", fix)]


_KNOWN = "memory:, file:, file:/PATH.json, sqlite:/PATH, keyring:, redis://…, postgresql://…, sealed+ADDRESS"


def open_store(
    store: TokenStore | str, *, environment: Mapping[str, str] | None = None, takes_plain: bool = False
) -> TokenStore:
    """Return the store at an address; a store that is one already is returned as it is.

    Args:
        store: the store, or its address.
        environment: where `TRAKTAUTH_SEAL_KEY` and the like are looked up; by default this process's.
        takes_plain: let a sealed store take records that are not sealed, so that they can be sealed.

    Raises:
        TypeError: it is neither.
        ValueError: the kind of store is unknown, or its address or key cannot be right.
        StoreFailed: the platform names no folder for the default file, or a library is not installed.
    """
    if isinstance(store, TokenStore):
        return store
    if not isinstance(store, str):  # pyright: ignore[reportUnnecessaryIsInstance] - None, or an async store
        raise TypeError(f"store must be an address, such as 'file:', or a TokenStore, not {type(store).__name__}")
    cipher, scheme, rest = _read(store, environment, takes_plain=takes_plain)
    return _open(scheme, rest, cipher)


def _read(address: str, environment: Mapping[str, str] | None, *, takes_plain: bool) -> tuple[Cipher | None, str, str]:
    """Return what seals, the kind of the store, and the rest of its address."""
    sealed = address.startswith(SEALED)
    scheme, _, rest = address.removeprefix(SEALED).partition(":")
    if not is_store_address(address):
        meant = f"Did you mean {_meant(address)!r}? " if _meant(address) else ""
        raise ValueError(f"No store has the address {without_password(address)!r}. {meant}Use one of {_KNOWN}")
    if not sealed:
        return None, scheme, rest
    if scheme == "memory":
        raise ValueError("sealed+memory: would seal what never leaves this process; use memory:")
    if scheme == "keyring":
        raise ValueError("keyring: is sealed already, with a key of its own; use keyring:")
    return AesGcmCipher(read_keys(environment or os.environ), takes_plain=takes_plain), scheme, rest


def _meant(address: str) -> str:
    """Return the address that was meant: a path without its kind, or a misspelt kind; else an empty text."""
    scheme, colon, _ = address.partition(":")
    if colon:
        kinds = LOCAL_STORES | SERVER_STORES
        close = [] if scheme in kinds else get_close_matches(scheme, sorted(kinds), n=1)
        return f"{close[0]}:…" if close else ""  # the rest may hold a password
    kind = "sqlite" if address.endswith((".db", ".sqlite", ".sqlite3")) else "file"
    return f"{kind}:{address}" if "/" in address or "." in address else ""


def _open(scheme: str, rest: str, cipher: Cipher | None) -> TokenStore:
    if scheme in REDIS_SCHEMES:
        from traktauth.stores.redis.store import RedisStore  # noqa: PLC0415 - one store is imported, not all

        return RedisStore(f"{scheme}:{rest}", cipher=cipher)
    if scheme in POSTGRES_SCHEMES:
        from traktauth.stores.postgres.store import PostgresStore  # noqa: PLC0415 - see above

        return PostgresStore(f"{scheme}:{rest}", cipher=cipher)
    if scheme == "sqlite":
        from traktauth.stores.sqlite.store import SqliteStore  # noqa: PLC0415 - see above

        return SqliteStore(_path(rest, "tokens.db"), cipher=cipher)
    if scheme == "keyring":
        from traktauth.stores.keyring import KeyringStore  # noqa: PLC0415 - see above

        return KeyringStore(os.path.join(default_folder(), "keyring.json"))
    return MemoryStore() if scheme == "memory" else FileStore(_path(rest, "tokens.json"), cipher=cipher)


def _path(rest: str, default: str) -> str:
    if "\0" in rest:
        raise ValueError("A store's path has no NUL in it")
    if rest:
        return os.path.expanduser(rest)
    return os.path.join(default_folder(), default)


def default_folder() -> str:
    """Return the platform's folder for a user's data."""
    folder = user_folder("data")
    if folder is None:
        raise StoreFailed(
            "This user has no home folder to keep tokens in",
            hint="Name a file: store='file:/PATH.json'",
            hint_command="Name a file: --store file:/PATH.json, or TRAKTAUTH_STORE",
        )
    return folder
