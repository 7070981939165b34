"""`AsyncTrakt` outside of asyncio, as with anyio on trio."""

from __future__ import annotations

import pytest

from traktauth import App, AsyncTrakt


def test_async_trakt_without_a_loop_of_asyncio_says_what_it_needs():
    trakt = AsyncTrakt(App("id", client_secret="secret"), store="memory:")
    with pytest.raises(RuntimeError, match=r"needs an event loop of asyncio.*choose backend='asyncio'"):
        trakt.status().send(None)
