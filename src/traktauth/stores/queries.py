"""The parts of a server's address that are ours, and not its driver's."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(frozen=True, slots=True)
class Query:
    """An address, taken apart.

    Attributes:
        url: for the driver, with the password.
        address: as it may be shown.
        own: what the query says to us.
    """

    url: str = field(repr=False)
    address: str
    own: dict[str, str]

    def seconds(self, name: str) -> float:
        """Return a time from the query; 0 where it has none.

        Raises:
            ValueError: it is none.
        """
        text = self.own.get(name, "0")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 86400:  # noqa: PLR2004 - a day
            raise ValueError(f"{name}= in the store's address must be a number of seconds up to a day")
        return value


def read_query(url: str, *names: str) -> Query:
    """Take our own names out of an address's query.

    Raises:
        ValueError: it is no address.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # What is wrong with it is not said, as the password may be part of that.
        raise ValueError("The store's address is none: its host or port cannot be read") from None
    query = parse_qsl(parts.query, keep_blank_values=True)
    own = {name: value for name, value in query if name in names}
    others = urlencode([(name, value) for name, value in query if name not in names])
    host = parts.netloc.rpartition("@")[2]
    shown = _joined(parts.scheme, host, parts.path, urlencode(own))
    return Query(_joined(parts.scheme, parts.netloc, parts.path, others), shown, own)


def _joined(scheme: str, host: str, path: str, query: str) -> str:
    """Return an address; `urlunsplit` leaves the slashes of one without a host out, such as that of a socket."""
    return f"{scheme}://{host}{path}{'?' if query else ''}{query}"
