"""The parts of a server's address that are ours, and not its driver's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from traktauth.models.store_address import POSTGRES_SCHEMES
from traktauth.stores.url import HARMLESS


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
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:5]) <= 1000):  # noqa: PLR2004 - beyond it, a mistake
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
    told = urlencode([(name, value) for name, value in query if name in HARMLESS], quote_via=quote)
    shown = _join(parts.scheme, host, parts.path, told)
    names_host = bool(parts.hostname) or any(name in {"host", "hostaddr"} for name, _ in query)
    names_service = any(name == "service" for name, _ in query)
    url_of_driver = _join(parts.scheme, parts.netloc, parts.path, others)
    return StoreUrl(url_of_driver, shown, own, names_service and names_host)


def _join(scheme: str, host: str, path: str, query: str) -> str:
    """Return an address; `urlunsplit` leaves the slashes of one without a host out, such as that of a socket."""
    return f"{scheme}://{host}{path}{'?' if query else ''}{query}"
