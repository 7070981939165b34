"""Validation of parameters, with the messages of the library that better-auth validates with (zod 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from traktauth.server.errors import ValidationError
from traktauth.server.messages import as_object
from traktauth.server.oauth.redirect_uri import problem_of

Field = tuple[str, Callable[[Any], list[str]]]
ABSENT = object()
VALID: list[str] = []

TYPES: dict[type, str] = {
    str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip
# An impossible host is valid here: a URL parser takes it, and no client can have it registered.
URL_MESSAGES = {
    "is not an absolute address": ["Invalid URL", "URL must be parseable"],
    "names no host": ["Invalid URL", "URL must be parseable"],
    "has blanks in it": ["Invalid URL", "URL must be parseable"],
    "must not use javascript:, data: or vbscript:": ["URL cannot use javascript:, data:, or vbscript: scheme"],
    "must not have a fragment": ["Redirect URI must not contain a fragment component"],
    "must use https, unless it is a loopback address": [
        "Redirect URI must use HTTPS (HTTP allowed only for loopback hosts)"
    ],
}


def type_name(value: object) -> str:
    """Return JavaScript's name for the type of a value."""
    return "undefined" if value is ABSENT else TYPES.get(type(value), "object")


def require_string(value: object) -> list[str]:
    """Require a string."""
    return [] if isinstance(value, str) else [f"Invalid input: expected string, received {type_name(value)}"]


def optional(value: object) -> list[str]:
    """Require a string, if the parameter is present."""
    return VALID if value is ABSENT or isinstance(value, str) else require_string(value)


def exactly(word: str) -> Callable[[object], list[str]]:
    """Require a certain word."""
    return lambda value: [] if value == word else [f'Invalid input: expected "{word}"']


def one_of(*words: str) -> Callable[[object], list[str]]:
    """Require one of some words."""
    listed = "|".join(f'"{word}"' for word in words)
    return lambda value: [] if value in words else [f"Invalid option: expected one of {listed}"]


def optional_if(rule: Callable[[object], list[str]]) -> Callable[[object], list[str]]:
    """Apply a rule if the parameter is present."""
    return lambda value: [] if value is ABSENT else rule(value)


def optional_url(value: object) -> list[str]:
    """Require a URL that a browser can safely be sent to, if the parameter is present."""
    messages = optional(value)
    if messages or not isinstance(value, str):
        return messages
    return URL_MESSAGES.get(problem_of(value) or "", [])


def validate(value: object, fields: tuple[Field, ...], *, where: str = "body") -> Mapping[str, str]:
    """Return the known members of an object; raise a ValidationError that names every fault."""
    members = as_object(value)
    if members is None:
        raise ValidationError(f"[{where}] Invalid input: expected object, received {type_name(value)}")
    faults: list[str] = []
    known: dict[str, str] = {}
    for name, rule in fields:
        member: Any = members.get(name, ABSENT)
        if rule is optional:  # as most are: judged here, which saves a call
            if member is ABSENT:
                continue
            if type(member) is str:
                known[name] = member
                continue
        messages = rule(member)
        if messages:
            faults += [f"[{where}.{name}] {message}" for message in messages]
        elif member is not ABSENT:
            known[name] = member
    if faults:
        raise ValidationError("; ".join(faults))
    return known
