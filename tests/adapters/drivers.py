"""Each HTTP client behind the same few calls: what a program does with it, adapter and all."""

from __future__ import annotations

import asyncio
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

from traktauth import AsyncTrakt, Trakt

FOLLOW = True


@dataclass
class Got:
    """A response: its status, the address that it came from (None if the client does not say), header fields, body."""

    status: int
    url: str | None
    headers: dict[str, str]
    body: bytes


class Driver:
    """A client with an adapter, for one login.

    Attributes:
        library: what must be installed.
        resends_files: whether a file is sent again.
        refuses_foreign: whether an address outside the API is refused; else it is left alone.
        knows_redirects: whether a 401 that a redirect led to is told from the API's.
    """

    library: ClassVar[str]
    resends_files: bool = False
    refuses_foreign: ClassVar[bool] = True
    knows_redirects: ClassVar[bool] = True
    login: ClassVar[type] = Trakt

    def __init__(self, trakt: Any, adapter: Any = None) -> None:
        self.adapter = self.adapt(trakt) if adapter is None else adapter
        self.open()

    def get(self, url: str) -> Got:
        return self.send("GET", url)

    def many(self, url: str, count: int) -> list[int]:
        with ThreadPoolExecutor(count) as pool:
            return [got.status for got in pool.map(self.get, [url] * count)]

    def stream(self, pieces: list[bytes]) -> Any:
        """A body that can be read once."""
        return iter(pieces)


class AsyncDriver(Driver):
    """The same with an event loop of its own, that lasts as long as the client."""

    login = AsyncTrakt

    def __init__(self, trakt: Any, adapter: Any = None) -> None:
        self.adapter = self.adapt(trakt) if adapter is None else adapter
        self.runner = asyncio.Runner()
        try:
            self.runner.run(self.open())
        except BaseException:
            self.runner.close()
            raise

    def send(self, method: str, url: str, body: Any = None) -> Got:
        return self.runner.run(self.asend(method, url, body))

    def many(self, url: str, count: int) -> list[int]:
        async def gather() -> list[Got]:
            return await asyncio.gather(*(self.asend("GET", url, None) for _ in range(count)))

        return [got.status for got in self.runner.run(gather())]

    def stream(self, pieces: list[bytes]) -> Any:
        async def generate():
            for piece in pieces:
                yield piece

        return generate()

    def close(self) -> None:
        self.runner.run(self.aclose())
        self.runner.close()


class Requests(Driver):
    library = "requests"
    resends_files = True

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.requests import TraktAuth

        return TraktAuth(trakt)

    def open(self):
        import requests

        self.session = requests.Session()
        self.session.auth = self.adapter
        self.session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def send(self, method, url, body=None):
        response = self.session.request(method, url, data=body)
        return Got(response.status_code, response.url, dict(response.headers), response.content)

    def close(self):
        self.session.close()


class Niquests(Requests):
    library = "niquests"

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.niquests import TraktAuth

        return TraktAuth(trakt)

    def open(self):
        import niquests

        self.session = niquests.Session(pool_maxsize=64)
        self.session.auth = self.adapter


class AsyncNiquests(AsyncDriver):
    library = "niquests"
    resends_files = True

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.niquests import AsyncTraktAuth

        return AsyncTraktAuth(trakt)

    async def open(self):
        import niquests

        self.session = niquests.AsyncSession(pool_maxsize=64)
        self.session.auth = self.adapter

    async def asend(self, method, url, body):
        response = await self.session.request(method, url, data=body)
        return Got(response.status_code, response.url, dict(response.headers), response.content)

    async def aclose(self):
        await self.session.close()


class Httpx(Driver):
    library = "httpx"

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.httpx import TraktAuth

        return TraktAuth(trakt)

    def open(self):
        import httpx

        self.client = httpx.Client(auth=self.adapter, follow_redirects=True, timeout=60)

    def send(self, method, url, body=None):
        response = self.client.request(method, url, content=body)
        return Got(response.status_code, str(response.url), dict(response.headers), response.content)

    def close(self):
        self.client.close()


class AsyncHttpx(AsyncDriver):
    library = "httpx"

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.httpx import AsyncTraktAuth

        return AsyncTraktAuth(trakt)

    async def open(self):
        import httpx

        self.client = httpx.AsyncClient(auth=self.adapter, follow_redirects=True, timeout=60)

    async def asend(self, method, url, body):
        response = await self.client.request(method, url, content=body)
        return Got(response.status_code, str(response.url), dict(response.headers), response.content)

    async def aclose(self):
        await self.client.aclose()


class Httpx2(Httpx):
    """`trakt.auth`."""

    library = "httpx2"

    @staticmethod
    def adapt(trakt):
        return trakt.auth

    def open(self):
        import httpx2

        self.client = httpx2.Client(auth=self.adapter, follow_redirects=True, timeout=60)


class AsyncHttpx2(AsyncHttpx):
    """`trakt.auth`."""

    library = "httpx2"

    @staticmethod
    def adapt(trakt):
        return trakt.auth

    async def open(self):
        import httpx2

        self.client = httpx2.AsyncClient(auth=self.adapter, follow_redirects=True, timeout=60)


class Aiohttp(AsyncDriver):
    library = "aiohttp"
    resends_files = True
    refuses_foreign = False

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.aiohttp import TraktMiddleware

        return TraktMiddleware(trakt)

    async def open(self):
        import aiohttp

        self.session = aiohttp.ClientSession(middlewares=(self.adapter,))

    async def asend(self, method, url, body):
        async with self.session.request(method, url, data=body) as response:
            return Got(response.status, str(response.url), dict(response.headers), await response.read())

    async def aclose(self):
        await self.session.close()


def _pyreqwest_request(client, method, url, body):
    request = client.request(method, url)
    if isinstance(body, bytes):
        request = request.body_bytes(body)
    elif body is not None:
        request = request.body_stream(body)
    return request.build()


class Pyreqwest(AsyncDriver):
    library = "pyreqwest"
    refuses_foreign = False
    knows_redirects = False

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.pyreqwest import TraktMiddleware

        return TraktMiddleware(trakt)

    async def open(self):
        from pyreqwest.client import ClientBuilder

        self.client = ClientBuilder().follow_redirects(FOLLOW).with_middleware(self.adapter).build()

    async def asend(self, method, url, body):
        response = await _pyreqwest_request(self.client, method, url, body).send()
        return Got(response.status, None, dict(response.headers), bytes(await response.bytes()))

    async def aclose(self):
        await self.client.close()


class SyncPyreqwest(Driver):
    library = "pyreqwest"
    refuses_foreign = False
    knows_redirects = False

    @staticmethod
    def adapt(trakt):
        from traktauth.adapters.pyreqwest import SyncTraktMiddleware

        return SyncTraktMiddleware(trakt)

    def open(self):
        from pyreqwest.client import SyncClientBuilder

        self.client = SyncClientBuilder().follow_redirects(FOLLOW).with_middleware(self.adapter).build()

    def send(self, method, url, body=None):
        response = _pyreqwest_request(self.client, method, url, body).send()
        return Got(response.status, None, dict(response.headers), bytes(response.bytes()))

    def close(self):
        self.client.close()


ALL = [
    Requests, Httpx, AsyncHttpx, Httpx2, AsyncHttpx2, Aiohttp, Pyreqwest, SyncPyreqwest, Niquests, AsyncNiquests,
]  # fmt: skip


def installed() -> list[type[Driver]]:
    """The drivers whose libraries this environment has."""
    return [driver for driver in ALL if importlib.util.find_spec(driver.library)]
