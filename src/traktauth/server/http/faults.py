"""Faults on request: the next responses on a path are replaced, delayed, or cut off.

A scenario is a list; each fault applies in its turn to requests with its path and method.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from traktauth.server.messages import as_list
from traktauth.server.settings import read_json

TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
EXPECTED = 'a list such as [{"path": "/oauth/token", "status": 503, "times": 2}]'
BODILESS = (204, 304)
"""Statuses whose responses end with their header fields (RFC 9110 section 6.4.1)."""
CONTROL = "/_control"
OAUTH_PREFIXES = ("/oauth/", "/api/auth/", "/.well-known/")
EFFECTS = ("status", "headers", "body", "delay", "drop")
VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
FRAMING = ("content-length", "transfer-encoding")
"""Fields that say where a response ends, which the server works out."""


class FaultMembers(Struct, forbid_unknown_fields=True, rename={"lasts": "for"}):
    """A fault as a scenario has it; null is as good as absent."""

    path: Annotated[str, Meta(pattern=r"^/([^/?#]+/)*[^/?#]*\Z")]
    method: Annotated[str, Meta(pattern=rf"^{TOKEN}\Z")] | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    lasts: Annotated[float, Meta(gt=0, le=sys.float_info.max)] | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[str, str | int | float] | None = None
    body: Any = None
    delay: Annotated[float, Meta(ge=0, le=600)] | None = None
    drop: Literal["before", "after"] | None = None


@dataclass(slots=True)
class Fault:
    """What happens in place of a response, or before it.

    Attributes:
        path: the path of the requests it applies to.
        method: their method; None for all.
        times: to how many more requests it applies; None if `lasts` decides.
        lasts: seconds of the server's clock, from the first request it applies to.
        until: when it ends, once it has applied to a request.
        status: the status of the response in place of the server's; None to leave the server's.
        headers: that response's header fields.
        body: that response's body.
        delay: seconds to wait first.
        drop: cut the connection `before` or `after` the request is handled.
    """

    path: str
    method: str | None = None
    times: int | None = 1
    lasts: float | None = None
    until: float | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    delay: float = 0.0
    drop: str | None = None


def take_fault(waiting: list[Fault], method: str, path: str, *, now: float) -> Fault | None:
    """Return the fault that applies to a request, or None; remove it from those that wait if it is over."""
    for fault in list(waiting):
        if fault.path != path or fault.method not in (None, method):
            continue
        if fault.lasts is not None and (fault.until is None or fault.until - now > fault.lasts):
            fault.until = now + fault.lasts  # it begins, or the clock has gone back to before it did
        if fault.until is not None and now >= fault.until:
            waiting.remove(fault)
            continue
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                waiting.remove(fault)
        return fault
    return None


def read_faults(source: str | Path | Sequence[Any] | object, oauth_paths: Collection[str]) -> list[Fault]:
    """Read a scenario: a list of faults, or the path of a JSON file that holds one.

    Args:
        source: the list, or the path.
        oauth_paths: the server's paths of the OAuth protocol. A fault at another one would never happen; at any path of
            the API it can stand for a response that the server does not have.

    Raises:
        ValueError: it is invalid; the message says what and where.
    """
    found = as_list(read_json(source, "fault", expected=EXPECTED))
    if found is None:
        raise ValueError(f"faults must be {EXPECTED}")
    return [_fault(value, f"faults[{at}]", oauth_paths) for at, value in enumerate(found)]


def _fault(found: object, where: str, oauth_paths: Collection[str]) -> Fault:
    try:
        members = msgspec.convert(found, FaultMembers)
        body = None if members.body is None else _bytes(members.body)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
    path, status, headers, drop = members.path, members.status, _headers(members.headers or {}, where), members.drop
    if path == CONTROL or path.startswith(f"{CONTROL}/"):
        raise ValueError(f'{where}: "path" must not be one of the control API, which takes faults away again')
    if path.startswith(OAUTH_PREFIXES) and path not in oauth_paths:
        near = get_close_matches(path, oauth_paths, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f'{where}: "path" {path} does not exist at this server{meant}')
    if all(getattr(members, name) is None for name in EFFECTS):
        raise ValueError(f"{where} does nothing: give it one of {', '.join(EFFECTS)}")
    if status in BODILESS and body:
        raise ValueError(
            f'{where}: a response with status {status} has no body; leave "body" out, or take another status'
        )
    if drop is not None and (headers or status is not None or body is not None):
        raise ValueError(f'{where}: a connection that is cut ("drop") gets no response: leave one of the two out')
    if headers and status is None and body is None:
        raise ValueError(f'{where}: "headers" go with a response in place of the server\'s: give its "status", too')
    return Fault(
        path=path,
        method=None if members.method is None else members.method.upper(),
        times=1 if members.times is None and members.lasts is None else members.times,
        lasts=members.lasts,
        status=200 if status is None and body is not None else status,
        headers=headers,
        body=body or b"",
        delay=members.delay or 0.0,
        drop=drop,
    )


def _headers(members: Mapping[str, str | int | float], where: str) -> dict[str, str]:
    for name, value in members.items():
        if not re.fullmatch(TOKEN, name):
            raise ValueError(f'{where}: "headers" must have names such as "retry-after", which {name!r} is not')
        if name.lower() in FRAMING:
            raise ValueError(f'{where}: "headers" must leave {name} to the server')
        if not VALUE.fullmatch(str(value)):
            raise ValueError(f'{where}: the value of {name} in "headers" must be a number, or one line in Latin-1')
    return {name.lower(): str(value) for name, value in members.items()}


def _bytes(body: object) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body)).encode()
