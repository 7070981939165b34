"""The clock of a local Trakt, which a test moves: for the programs that the test starts."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from traktauth.client.api_address import is_on_this_machine
from traktauth.errors import TraktAuthError
from traktauth.protocol import Service

_TIMEOUT = 10.0  # seconds


class RemoteClock:
    """Asks a local Trakt for its time, at each call.

    Args:
        url: where it says its time: `URL/_control/clock`.
        service: the service of the logins, which must be on this machine: no real token is to be judged by it.

    Raises:
        ValueError: the address or the service is not on this machine.
    """

    def __init__(self, url: str, service: Service) -> None:
        if not url.startswith("http://") or not is_on_this_machine(url):
            raise ValueError(f"TRAKTAUTH_CLOCK_URL must be an http address on this machine, not {url[:60]!r}")
        for address in (service.token, service.api):
            if not is_on_this_machine(address):
                raise ValueError(
                    f"TRAKTAUTH_CLOCK_URL is the clock of a test, and {address} is not on this machine: unset it"
                )
        self._url = urlsplit(url)
        self._port = self._url.port

    def __call__(self) -> float:
        """Return Unix seconds.

        Raises:
            TraktAuthError: the local Trakt does not answer.
        """
        connection = HTTPConnection(self._url.hostname or "", self._port, timeout=_TIMEOUT)
        try:
            connection.request("GET", self._url.path)
            return float(json.loads(connection.getresponse().read())["now"])
        except (OSError, HTTPException, ValueError, LookupError, TypeError):
            raise TraktAuthError(
                f"The clock at {self._url.geturl()} does not answer",
                hint="Start the local Trakt with --control, or unset TRAKTAUTH_CLOCK_URL",
            ) from None
        finally:
            connection.close()
