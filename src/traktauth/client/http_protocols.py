"""What a program's own HTTP client must have: the classes of httpx2 and of httpx do, for type checkers too."""

from __future__ import annotations

from typing import Any, Protocol

# ruff: noqa: ANN401 - the two libraries have request and response classes of their own


class HttpClient(Protocol):
    """A blocking client: `httpx2.Client` or `httpx.Client`."""

    @property
    def is_closed(self) -> bool:
        """Whether it can send no more."""
        raise NotImplementedError

    def build_request(self, *args: Any, **kwargs: Any) -> Any:
        """Return a request with the client's own header fields."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Build and send a request."""

    def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request that was built."""

    def close(self) -> None:
        """Close the connections."""


class HttpAsyncClient(Protocol):
    """An async client: `httpx2.AsyncClient` or `httpx.AsyncClient`."""

    @property
    def is_closed(self) -> bool:
        """Whether it can send no more."""
        raise NotImplementedError

    def build_request(self, *args: Any, **kwargs: Any) -> Any:
        """Return a request with the client's own header fields."""

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """Build and send a request."""

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request that was built."""

    async def aclose(self) -> None:
        """Close the connections."""
