"""Faults on request: the next responses on a path are replaced, delayed, or cut off.

A scenario is a list; each fault applies in its turn to requests with its path and method.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from traktauth.server.messages import as_list
from traktauth.server.settings import read_json

Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")]
FieldValue = Annotated[str, Meta(pattern=r"^[\t\x20-\x7e\xa0-\xff]*\Z")] | int | float
EXPECTED = 'a list such as [{"path": "/oauth/token", "status": 503, "times": 2}]'
BODILESS = (204, 304)
"""Statuses whose responses end with their header fields (RFC 9110 section 6.4.1)."""
CONTROL = "/_control"
OAUTH_PREFIXES = ("/oauth/", "/api/auth/", "/.well-known/")
EFFECTS = ("status", "headers", "body", "delay", "drop")
FRAMING = ("content-length", "transfer-encoding")
"""Fields that say where a response ends, which the server works out."""


class FaultMembers(Struct, forbid_unknown_fields=True, rename={"lasts": "for"}):
    """A fault as a scenario has it; null is as good as absent.

    Attributes:
        path: the path of the requests it applies to.
        method: their method; None for all.
        times: to how many more requests it applies; None if `lasts` decides.
        lasts: seconds of the server's clock, from the first request it applies to.
        status: the status of the response in place of the server's; None to leave the server's.
        headers: that response's header fields.
        body: that response's body, a text or a JSON value.
        delay: seconds to wait first.
        drop: give no response: close the connection `before` or `after` the request is handled, `reset` it afterwards
            (TCP RST), or `hang` until the client gives up.
    """

    path: Annotated[str, Meta(pattern=r"^/([^/?#]+/)*[^/?#]*\Z")]
    method: Token | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    lasts: Annotated[float, Meta(gt=0, le=sys.float_info.max)] | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[Token, FieldValue] | None = None
    body: Any = None
    delay: Annotated[float, Meta(ge=0, le=600)] | None = None
    drop: Literal["before", "after", "reset", "hang"] | None = None


class Fault(FaultMembers):
    """A fault that waits for its turn, or has applied to a request.

    Attributes:
        content: the body in bytes.
        until: when it ends, once it has applied to a request.
    """

    content: bytes = b""
    until: float | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The header fields of the response."""
        return {name.lower(): str(value) for name, value in (self.headers or {}).items()}


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
    """Read a scenario: a list of faults, or the path of a JSON file that holds one; a ValueError says what is wrong.

    *oauth_paths* are the server's paths of the OAuth protocol. A fault at another one would never happen; at any path
    of the API it can stand for a response that the server does not have.
    """
    found = as_list(read_json(source, "fault", expected=EXPECTED))
    if found is None:
        raise ValueError(f"faults must be {EXPECTED}")
    return [_fault(value, f"faults[{at}]", oauth_paths) for at, value in enumerate(found)]


def _fault(found: object, where: str, oauth_paths: Collection[str]) -> Fault:
    try:
        fault = Fault(**msgspec.structs.asdict(msgspec.convert(found, FaultMembers)))
        if fault.body is not None:
            fault.content = (fault.body if isinstance(fault.body, str) else json.dumps(fault.body)).encode()
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
    problem = _problem_of(fault, oauth_paths)
    if problem:
        raise ValueError(f"{where}: {problem}")
    fault.method = fault.method and fault.method.upper()
    if fault.lasts is None:
        fault.times = fault.times or 1
    if fault.body is not None:
        fault.status = fault.status or 200
    return fault


def _problem_of(fault: Fault, oauth_paths: Collection[str]) -> str:
    """Return what is wrong with the members of a fault together, empty if nothing is."""
    path, answers = fault.path, fault.status is not None or fault.body is not None
    if path == CONTROL or path.startswith(f"{CONTROL}/"):
        return '"path" must not be one of the control API, which takes faults away again'
    if path.startswith(OAUTH_PREFIXES) and path not in oauth_paths:
        near = get_close_matches(path, oauth_paths, n=1)
        return f'"path" {path} does not exist at this server{f"; did you mean {near[0]}?" if near else ""}'
    if all(getattr(fault, name) is None for name in EFFECTS):
        return f"it does nothing: give it one of {', '.join(EFFECTS)}"
    if fault.status in BODILESS and fault.content:
        return f'a response with status {fault.status} has no body; leave "body" out, or take another status'
    if fault.drop is not None and (fault.headers or answers):
        return 'a connection that is cut ("drop") gets no response: leave one of the two out'
    by_hand = next((name for name in fault.headers or () if name.lower() in FRAMING), None)
    if by_hand:
        return f'"headers" must leave {by_hand} to the server'
    if fault.headers and not answers:
        return '"headers" go with a response in place of the server\'s: give its "status", too'
    return ""
