"""All pages of a list, as one. Trakt: *Pagination*."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traktauth.errors import UnexpectedReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traktauth.cli.request.arguments import Call
    from traktauth.client.http import HttpResponse
    from traktauth.client.sync_client import Trakt

OK = 200
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pages:
    """What was read.

    Attributes:
        last: the last response; the first that is not a 200, if there is one.
        content: all items as one JSON array; the body of `last` if that is not a 200 or not a list in pages.
        unread: how many pages there are beyond those that were read.
    """

    last: HttpResponse
    content: bytes
    unread: int = 0


def read_all_pages(trakt: Trakt, call: Call, *, most: int) -> Pages:
    """Get one page after another, from the one that the path names or the first.

    Args:
        trakt: the account.
        call: the request for the first page.
        most: pages to read; an endless list stops there.

    Raises:
        UnexpectedReply: a page is not a JSON array.
        TraktAuthError: as for `Trakt.request`.
    """
    items: list[Any] = []
    read = size = 0
    page: int | None = None
    while True:
        response = (call if page is None else call.with_query({"page": str(page)})).send(trakt)
        content = response.content
        if response.status_code != OK:
            return Pages(response, content)
        count = _number(response.headers, "x-pagination-page-count")
        if read == 0 and count is None:
            return Pages(response, content)  # not a list in pages
        size += len(content)
        items += _items(content)
        read += 1
        current = _number(response.headers, "x-pagination-page") or page or 1
        unread = max(0, (count or 0) - current)
        if not unread or read == most or size > _MOST_BYTES:
            return Pages(response, json.dumps(items, ensure_ascii=False).encode("utf-8", "surrogatepass"), unread)
        page = current + 1 if page is None else page + 1


def _items(content: bytes) -> list[Any]:
    try:
        items = json.loads(content)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise UnexpectedReply("A page of the list is not a JSON array", status=OK)
    return items  # pyright: ignore[reportUnknownVariableType] - whatever JSON holds


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None  # noqa: PLR2004 - digits
