"""API responses of a test's own: `responses={"GET /sync/history": […]}`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from traktauth.server.http.api import Operation
from traktauth.server.json_file import read_json
from traktauth.server.messages import as_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from traktauth.server.storage.models import User

METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
STATUS = {"POST": 201}  # of any other method: 200
RESERVED = re.compile(r"/(oauth|_control|api/auth|\.well-known)(/|$)")
EXPECTED = 'such as {"GET /sync/history": [{"id": 1}]}'
EXPECTED_FILE = f"an object of JSON values by method and path, {EXPECTED}"


def read_responses(source: str | Path | Mapping[str, Any] | None) -> dict[str, dict[str, Operation]]:
    """Read responses of the API; return what it does by path and method.

    Args:
        source: JSON values by method and path, such as `GET /sync/history`, or the path of a JSON file with them; None
            for no response.

    Raises:
        ValueError: the file cannot be read, a key is not a method and a path of the API, or a value cannot be sent as
            JSON.
    """
    values = as_object({} if source is None else read_json(source, "response", expected=EXPECTED_FILE))
    if values is None:
        raise ValueError(f"responses must be {EXPECTED_FILE}")
    found: dict[str, dict[str, Operation]] = {}
    for key, value in values.items():
        method, path = _method_and_path(key)
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"responses[{key!r}] cannot be sent as JSON: {error}") from error
        operation = Operation(_constant(value), STATUS.get(method, 200), is_list=isinstance(value, list))
        found.setdefault(path, {})[method] = operation
    return found


def _method_and_path(key: object) -> tuple[str, str]:
    method, _, path = key.partition(" ") if isinstance(key, str) else ("", "", "")
    if method not in METHODS or not path.startswith("/"):
        raise ValueError(f"responses: {key!r} must be a method and a path, {EXPECTED}; methods: {', '.join(METHODS)}")
    if "?" in path or "#" in path or "//" in path or " " in path:
        raise ValueError(f"responses: {key!r} must have a path alone, without a query; it answers every query")
    if RESERVED.match(path):
        raise ValueError(f"responses: {key!r} is not an address of the API; use a fault to change what it answers")
    return method, path


def _constant(value: object) -> Callable[[User], Any]:
    return lambda _person: value
