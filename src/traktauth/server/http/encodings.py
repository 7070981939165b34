"""Take apart what a body or a query says: forms, JSON, HTTP Basic."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

FORM = "application/x-www-form-urlencoded"
LARGEST_NUMBER_OF_PARAMETERS = 1000
# A percent sign that two hexadecimal digits do not follow.
BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")

_decode = msgspec.json.Decoder().decode


class Malformed(Exception):
    """A body or a query cannot be taken apart; the message says why, without quoting it."""


def pairs_of_form(data: bytes, *, strictly: bool = False) -> list[tuple[str, str]]:
    """Give a form's parameters in order.

    Args:
        data: what was sent.
        strictly: refuse a broken percent-encoding, broken UTF-8 and NUL (Rails) instead of making do (WHATWG URL).

    Raises:
        Malformed: it cannot be taken apart.
    """
    if strictly:
        _check_form(data)
    try:
        text = data.decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=LARGEST_NUMBER_OF_PARAMETERS)
    except ValueError as error:
        raise Malformed("It has too many parameters.") from error


def value_of_json(data: bytes) -> Any:  # noqa: ANN401 - whatever stands there
    """Give what a JSON text says.

    Raises:
        Malformed: it is none, or nested too deeply.
    """
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("The request body is not valid JSON.") from error


def members_of(value: object) -> dict[str, Any] | None:
    """Give an object's members, None where it is no object."""
    if type(value) is dict:  # which is all that a JSON text or a form can give
        return cast("dict[str, Any]", value)
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else None


def items_of(value: object) -> list[Any] | None:
    """Give a list's items, None where it is no list."""
    return list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else None


def once(pairs: list[tuple[str, str]], names: frozenset[str]) -> str | None:
    """Name the first of *names* that is given more than once (RFC 6749 section 3.2), None where none is."""
    if len({name for name, _ in pairs}) == len(pairs):
        return None
    counts = Counter(name for name, _ in pairs if name in names)
    return next((name for name, count in counts.items() if count > 1), None)


def repeated_member(data: bytes, value: object, names: frozenset[str]) -> str | None:
    """Name the first of *names* that a JSON object has more than once; *value* is what it was decoded to.

    Every name and every text stands between two quotation marks, so where there are no more of them than what is left
    needs, nothing was given twice.
    """
    members = members_of(value)
    if members is None:
        return None
    texts = sum([isinstance(member, str) for member in members.values()])
    if data.count(b'"') == 2 * (len(members) + texts):
        return None
    found: list[list[tuple[str, object]]] = []
    try:
        json.loads(data, object_pairs_hook=found.append)
    except (ValueError, RecursionError):
        return None
    outermost = found[-1] if found else []  # it is finished last
    return once([(name, "") for name, _ in outermost], names)


def basic_of(header: str) -> tuple[str, str] | None:
    """Give the name and secret of an HTTP Basic header field, None where it cannot be read."""
    try:
        decoded = base64.b64decode(header[6:].strip(), validate=True).decode()
    except ValueError:  # of which binascii and Unicode errors are kinds
        return None
    name, colon, secret = decoded.partition(":")
    return (name, secret) if colon else None


def _check_form(data: bytes) -> None:
    if BAD_PERCENT.search(data):
        raise Malformed("The request has a broken percent-encoding.")
    decoded = unquote_to_bytes(data)
    if b"\0" in decoded:
        raise Malformed("The request has a NUL in it.")
    try:
        decoded.decode()
    except UnicodeDecodeError as error:
        raise Malformed("The request is not valid UTF-8.") from error
