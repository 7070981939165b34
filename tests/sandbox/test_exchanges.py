"""What the sandbox and the lab read from a connection."""

from __future__ import annotations

from traktauth.sandbox.exchanges import ExchangeReader


def test_a_doubled_slash_is_one_as_for_the_local_trakt():
    """PyTrakt's device login posts to `//oauth/device/code`."""
    reader = ExchangeReader("api.trakt.tv")
    [exchange] = reader.read_request(b"POST //oauth///device/code?a=//b HTTP/1.1\r\nHost: api.trakt.tv\r\n\r\n")
    assert exchange.path == "/oauth/device/code"
