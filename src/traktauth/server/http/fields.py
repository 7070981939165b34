"""Which fields a body or query must have, refused in the words of the library that better-auth checks with (zod 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from traktauth.server.http.encodings import members_of
from traktauth.server.redirects import fault_of
from traktauth.server.refusals import Invalid

Field = tuple[str, Callable[[Any], list[str]]]
ABSENT = object()
NO_FAULT: list[str] = []

KINDS: dict[type, str] = {
    str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip
# A host that cannot be is no fault here: a URL parser takes it, and no app can have it registered.
FAULTS = {
    "is not an absolute address": ["Invalid URL", "URL must be parseable"],
    "names no host": ["Invalid URL", "URL must be parseable"],
    "has blanks in it": ["Invalid URL", "URL must be parseable"],
    "must not use javascript:, data: or vbscript:": ["URL cannot use javascript:, data:, or vbscript: scheme"],
    "must not have a fragment": ["Redirect URI must not contain a fragment component"],
    "must use https, unless it is a loopback address": [
        "Redirect URI must use HTTPS (HTTP allowed only for loopback hosts)"
    ],
}


def kind_of(value: object) -> str:
    """Give JavaScript's word for what a value is."""
    return "undefined" if value is ABSENT else KINDS.get(type(value), "object")


def required(value: object) -> list[str]:
    """Want a string."""
    return [] if isinstance(value, str) else [f"Invalid input: expected string, received {kind_of(value)}"]


def optional(value: object) -> list[str]:
    """Want a string or nothing."""
    return NO_FAULT if value is ABSENT or isinstance(value, str) else required(value)


def exactly(word: str) -> Callable[[object], list[str]]:
    """Want this word."""
    return lambda value: [] if value == word else [f'Invalid input: expected "{word}"']


def one_of(*words: str) -> Callable[[object], list[str]]:
    """Want one of these words."""
    listed = "|".join(f'"{word}"' for word in words)
    return lambda value: [] if value in words else [f"Invalid option: expected one of {listed}"]


def unless_absent(want: Callable[[object], list[str]]) -> Callable[[object], list[str]]:
    """Want it only where there is something."""
    return lambda value: [] if value is ABSENT else want(value)


def optional_address(value: object) -> list[str]:
    """Want an address that a browser can safely be sent to, or nothing."""
    wrong = optional(value)
    if wrong or not isinstance(value, str):
        return wrong
    return FAULTS.get(fault_of(value) or "", [])


def checked(value: object, fields: tuple[Field, ...], *, where: str = "body") -> Mapping[str, str]:
    """Give the known fields of an object; whatever else it has is ignored.

    Raises:
        Invalid: it is no object, or a field is not as it must be; every fault is named.
    """
    members = members_of(value)
    if members is None:
        raise Invalid(f"[{where}] Invalid input: expected object, received {kind_of(value)}")
    faults: list[str] = []
    known: dict[str, str] = {}
    for name, want in fields:
        given: Any = members.get(name, ABSENT)
        wrong = want(given)
        if wrong:
            faults += [f"[{where}.{name}] {fault}" for fault in wrong]
        elif given is not ABSENT:
            known[name] = given
    if faults:
        raise Invalid("; ".join(faults))
    return known
