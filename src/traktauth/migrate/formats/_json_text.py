"""JSON files of other programs: read with places in errors, and changed in one value while the rest stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from copy import deepcopy
from itertools import islice
from typing import Any, cast

from traktauth.migrate.formats import FormatError

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
