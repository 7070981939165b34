"""Faults on request: the next answers on a path are replaced, delayed, or cut off.

A scenario is a list; each fault takes its turn where its path (and method) are asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traktauth.server.given import read_json
from traktauth.server.http.encodings import items_of, members_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LARGEST_DELAY = 600.0
FIELDS = frozenset(("path", "method", "times", "for", "status", "headers", "body", "delay", "drop"))
LEAST_STATUS, GREATEST_STATUS = 200, 599


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
            if fault.lasts is not None and fault.until is None:
                fault.until = now + fault.lasts
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
    if not isinstance(value.get("path"), str):
        raise ValueError(f'{where} needs "path", a text')  # noqa: TRY004 - a bad file, not a bad call
    unknown = sorted(set(value) - FIELDS)
    if unknown:
        raise ValueError(f"{where} has unknown members: {', '.join(unknown)}")
    status, drop = value.get("status"), value.get("drop")
    if status is not None and not (isinstance(status, int) and LEAST_STATUS <= status <= GREATEST_STATUS):
        raise ValueError(f'{where}: "status" must be {LEAST_STATUS} to {GREATEST_STATUS}')
    if drop not in (None, "before", "after"):
        raise ValueError(f'{where}: "drop" must be "before" or "after"')
    lasts = _number(value, "for", where)
    times = _number(value, "times", where)
    if times is None and lasts is None:
        times = 1
    headers = members_of(value.get("headers") or {})
    if headers is None:
        raise ValueError(f'{where}: "headers" must be an object')
    body = value.get("body")
    return Fault(
        path=value["path"],
        method=str(value["method"]).upper() if value.get("method") else None,
        times=None if times is None else int(times),
        lasts=lasts,
        status=status if status is not None else (200 if body is not None else None),
        headers={str(name).lower(): str(text) for name, text in headers.items()},
        body=_bytes(body),
        delay=min(_number(value, "delay", where) or 0.0, LARGEST_DELAY),
        drop=drop,
    )


def _number(value: Mapping[str, Any], name: str, where: str) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < float("inf"):
        raise ValueError(f'{where}: "{name}" must be a number, 0 or more')
    return float(found)


def _bytes(body: object) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
