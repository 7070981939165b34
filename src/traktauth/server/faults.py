"""Faults on request: the next answers on a path are replaced, delayed, or cut off.

A scenario is a list; each fault takes its turn where its path (and method) are asked for.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traktauth.server.given import read_json
from traktauth.server.http.encodings import items_of, members_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LARGEST_DELAY = 600.0
LARGEST_NUMBER = sys.float_info.max
FIELDS = frozenset(("path", "method", "times", "for", "status", "headers", "body", "delay", "drop"))
LEAST_STATUS, GREATEST_STATUS = 200, 599
BODILESS = (204, 304)
"""Statuses whose answers end with their header fields (RFC 9110 section 6.4.1)."""
CONTROL = "/_control"
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
FRAMING = ("content-length", "transfer-encoding")
"""Fields that say where an answer ends, which the server works out."""


@dataclass(slots=True)
class Fault:
    """What happens instead of, or around, an answer.

    Attributes:
        path: where.
        method: to which method; None: to all.
        times: how often still; None: for as long as `until` says.
        lasts: seconds of the server's clock from its first turn.
        until: when it is over, once its first turn has come.
        status: the status of the replacing answer; None: the true answer.
        headers: the replacing answer's header fields.
        body: the replacing answer's body.
        delay: seconds to wait first.
        drop: `before` or `after` the work is done the connection is cut.
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


class Faults:
    """The faults that wait for their turn."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def replace(self, faults: list[Fault]) -> None:
        """Let these wait, and no others."""
        self._waiting = list(faults)

    def add(self, fault: Fault) -> None:
        """Let one more wait."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Let none wait."""
        self._waiting = []

    def take(self, method: str, path: str, *, now: float) -> Fault | None:
        """Give the fault whose turn it is, None where there is none."""
        for fault in list(self._waiting):
            if fault.path != path or fault.method not in (None, method):
                continue
            if fault.lasts is not None and (fault.until is None or fault.until - now > fault.lasts):
                fault.until = now + fault.lasts  # it begins, or the clock has gone back to before it did
            if fault.until is not None and now >= fault.until:
                self._waiting.remove(fault)
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
            return fault
        return None


def read_faults(source: str | Path | Sequence[Any] | object) -> list[Fault]:
    """Read a scenario: a list of faults, or the path of a JSON file that holds one.

    Raises:
        ValueError: it is none; the message says what and where.
    """
    found = items_of(read_json(source, "fault"))
    if found is None:
        raise ValueError("faults must be a list")
    return [_fault(value, f"faults[{at}]") for at, value in enumerate(found)]


def _fault(found: object, where: str) -> Fault:
    value = members_of(found) or {}
    path = _path(value.get("path"), where)
    unknown = sorted(set(value) - FIELDS)
    if unknown:
        raise ValueError(f"{where} has unknown members: {', '.join(unknown)}")
    drop = value.get("drop")
    if drop not in (None, "before", "after"):
        raise ValueError(f'{where}: "drop" must be "before" or "after"')
    status, body = _status(value.get("status"), where), _bytes(value.get("body"), where)
    if status in BODILESS and body:
        raise ValueError(
            f'{where}: an answer with status {status} has no body; leave "body" out, or take another status'
        )
    lasts, delay = _seconds(value, "for", where), _seconds(value, "delay", where)
    if lasts == 0:
        raise ValueError(f'{where}: "for" must be more than 0 seconds')
    if delay is not None and delay > LARGEST_DELAY:
        raise ValueError(f'{where}: "delay" must be {LARGEST_DELAY:.0f} seconds at most')
    headers = _headers(value.get("headers"), where)
    if drop is not None and (headers or status is not None or body is not None):
        raise ValueError(f'{where}: where a connection is cut ("drop") there is no answer: leave one of the two out')
    if headers and status is None and body is None:
        raise ValueError(f'{where}: "headers" go with an answer in the place of the true one: give its "status", too')
    return Fault(
        path=path,
        method=_method(value.get("method"), where),
        times=_times(value.get("times"), 1 if lasts is None else None, where),
        lasts=lasts,
        status=200 if status is None and body is not None else status,
        headers=headers,
        body=body or b"",
        delay=delay or 0.0,
        drop=drop,
    )


def _path(found: object, where: str) -> str:
    if not isinstance(found, str):
        raise ValueError(f'{where} needs "path", a text')  # noqa: TRY004 - a bad file, not a bad call
    if not found.startswith("/") or any(mark in found for mark in ("//", "?", "#")):
        raise ValueError(f'{where}: "path" must be an address\'s path alone, such as /oauth/token')
    if found == CONTROL or found.startswith(f"{CONTROL}/"):
        raise ValueError(f'{where}: "path" must not be one of the control API, which takes faults away again')
    return found


def _method(found: object, where: str) -> str | None:
    if found is None:
        return None
    if not isinstance(found, str) or not TOKEN.fullmatch(found):
        raise ValueError(f'{where}: "method" must be one method, such as "POST"; leave it out for all')
    return found.upper()


def _times(found: object, otherwise: int | None, where: str) -> int | None:
    if found is None:
        return otherwise
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise ValueError(f'{where}: "times" must be a whole number, 1 or more')
    return found


def _status(found: object, where: str) -> int | None:
    if found is None:
        return None
    if not isinstance(found, int) or not LEAST_STATUS <= found <= GREATEST_STATUS:
        raise ValueError(f'{where}: "status" must be {LEAST_STATUS} to {GREATEST_STATUS}')
    return found


def _headers(found: object, where: str) -> dict[str, str]:
    headers = members_of({} if found is None else found)
    if headers is None:
        raise ValueError(f'{where}: "headers" must be an object')
    told: dict[str, str] = {}
    for name, value in ((str(name), value) for name, value in headers.items()):
        if not TOKEN.fullmatch(name):
            raise ValueError(f'{where}: "headers" must have names such as "retry-after", which {name!r} is not')
        if name.lower() in FRAMING:
            raise ValueError(f'{where}: "headers" must leave {name} to the server')
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not VALUE.fullmatch(str(value)):
            raise ValueError(f'{where}: the value of {name} in "headers" must be a number, or one line in Latin-1')
        told[name.lower()] = str(value)
    return told


def _seconds(value: Mapping[str, Any], name: str, where: str) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found <= LARGEST_NUMBER:
        raise ValueError(f'{where}: "{name}" must be a number of seconds, 0 or more')
    return float(found)


def _bytes(body: object, where: str) -> bytes | None:
    if body is None:
        return None
    try:
        return (body if isinstance(body, str) else json.dumps(body)).encode()
    except (TypeError, ValueError) as error:
        raise ValueError(f'{where}: "body" must be a text, or what JSON can say') from error
