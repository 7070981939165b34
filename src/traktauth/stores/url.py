"""Addresses of stores: as they may be shown, and with the parts of a server's address that are not its driver's."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from traktauth.models.store_address import POSTGRES_SCHEMES
from traktauth.stores.errors import DurabilityWarning

_STARS = "***"
_MOST = 1000  # connections; more are a mistake
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
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= _MOST):
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
