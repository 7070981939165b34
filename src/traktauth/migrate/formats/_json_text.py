"""JSON files of other programs: read with places in errors, and changed in one value while the rest stays as it is.

A token as Trakt's response has it is inside files of several formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from copy import deepcopy
from itertools import islice
from typing import Any, cast

from traktauth.migrate.formats import FormatError
from traktauth.migrate.formats.foreign_login import ForeignLogin

BOM = "\ufeff"
_MOST_PLACES = 100  # of one key that are tried: each costs a reading of the whole file


def read_object(text: str, program: str) -> dict[str, Any]:
    """Return the object that a file holds.

    Raises:
        FormatError: it does not hold one; the message says where, and quotes nothing.
    """
    try:
        found = json.loads(text.removeprefix(BOM))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"The file is not valid JSON ({where}): {error.msg}; {program} writes an object") from None
    except (RecursionError, ValueError):
        raise FormatError(f"The file is not valid JSON; {program} writes an object") from None
    if not isinstance(found, dict):
        raise FormatError(f"The file does not hold a JSON object, which {program} writes")
    return cast("dict[str, Any]", found)


def read_object_of(text: str | None, keys: Collection[str], program: str) -> dict[str, Any]:
    """Return the object that a program's file holds, or an empty one if there is no file.

    Raises:
        FormatError: the file holds something else, which would be lost.
    """
    found = {} if text is None else read_object(text, program)
    if found and found.keys().isdisjoint(keys):
        raise FormatError(f"The file is there and is not of {program}", hint="Name another file")
    return found


def read_text(source: dict[str, Any], key: str, where: str = "") -> str:
    """Return a text that is not empty.

    Raises:
        FormatError: it is missing.
    """
    found = source.get(key)
    if not isinstance(found, str) or not found:
        raise FormatError(f"The file has no {where}{key}, or it is not a text")
    return found


def optional_text(source: dict[str, Any], key: str) -> str | None:
    """Return a text; None if it is empty, missing or something else."""
    found = source.get(key)
    return found if isinstance(found, str) and found else None


def read_number(source: dict[str, Any], key: str, where: str = "") -> float:
    """Return a number that is not negative.

    Raises:
        FormatError: it is missing.
    """
    found = source.get(key)
    if isinstance(found, str) and found.isascii() and found.isdigit():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < 2**53:
        raise FormatError(f"The file has no {where}{key}, or it is not a number")
    return float(found)


def replace_value(text: str, path: list[str | int], new: object) -> str:
    """Return a JSON text with one value replaced, and every other character as it is.

    Args:
        text: a valid JSON text.
        path: the keys and indices that lead to the value.
        new: the value to write.

    Raises:
        FormatError: the value is not where the path says.
    """
    wanted = deepcopy(json.loads(text.removeprefix(BOM)))
    inner = wanted
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    value = re.compile(rf'{re.escape(json.dumps(path[-1]))}\s*:\s*("(?:[^"\\]|\\.)*"|null)')
    for found in islice(value.finditer(text), _MOST_PLACES):
        changed = text[: found.start(1)] + json.dumps(new) + text[found.end(1) :]
        if json.loads(changed.removeprefix(BOM)) == wanted:
            return changed
    raise FormatError(f"The file's {path[-1]} cannot be replaced: the key is written in an unusual way")


def read_token(found: dict[str, Any], *, now: float, where: str = "") -> ForeignLogin:
    """Return the login that Trakt's response holds; *where* names the response in errors.

    `scope` and `created_at` are optional; without `created_at` the token is taken to be new.
    """
    created = None if found.get("created_at") is None else int(read_number(found, "created_at", where))
    expires_in = int(read_number(found, "expires_in", where))
    return ForeignLogin(
        access_token=read_text(found, "access_token", where),
        refresh_token=optional_text(found, "refresh_token"),
        expires_at=(now if created is None else created) + expires_in,
        expires_in=expires_in,
        created_at=created,
        scope=optional_text(found, "scope"),
    )


def response_of(login: ForeignLogin) -> dict[str, Any]:
    """Return a login as Trakt's response has it; without a refresh token the member is left out."""
    found: dict[str, Any] = {
        "access_token": login.access_token,
        "token_type": "bearer",
        "expires_in": login.expires_in,
        "refresh_token": login.refresh_token,
        "scope": login.scope or "public",
        "created_at": login.issued_at,
    }
    return {name: given for name, given in found.items() if given is not None}
