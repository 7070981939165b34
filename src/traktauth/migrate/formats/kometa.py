"""Kometa's `config.yml`: the section `trakt`. Kometa does not refresh while `refresh_token` is blank."""

from __future__ import annotations

import io
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any, cast

from traktauth.errors import TraktAuthError
from traktauth.migrate.formats import FormatError
from traktauth.migrate.formats._json_text import read_text, read_token, response_of
from traktauth.migrate.formats.foreign_login import ForeignLogin

_WHERE = "trakt.authorization."
Document = MutableMapping[str, Any]
_WIDE = 10_000  # columns: no line is wrapped


def usual_paths(_environ: Mapping[str, str]) -> list[Path]:
    """Return where Kometa keeps the file."""
    return [Path("config/config.yml")]


def read(text: str, *, now: float) -> ForeignLogin:
    """Return the login that a file holds."""
    section = _section(_load(text))
    login = read_token(dict(_mapping(section.get("authorization"), "trakt.authorization")), now=now, where=_WHERE)
    client_id, client_secret = (read_text(dict(section), name, "trakt.") for name in ("client_id", "client_secret"))
    return replace(login, client_id=client_id, client_secret=client_secret)


def write(login: ForeignLogin, text: str | None) -> str:
    """Return the file with a login in its section; comments and order stay."""
    document: Document = {} if text is None else _load(text)
    document.setdefault("trakt", {})
    section = _mapping(document["trakt"], "trakt")
    section["client_id"], section["client_secret"] = login.client_id, login.client_secret
    given: Any = section.get("authorization")
    if isinstance(given, MutableMapping):  # with the comments that are in it
        cast("Document", given).update({"refresh_token": None, **response_of(login)})
    else:
        section["authorization"] = {"refresh_token": None, **response_of(login)}
    stream = io.StringIO()
    _yaml()[0].dump(document, stream)
    return stream.getvalue() if text is None or "\r\n" not in text else stream.getvalue().replace("\n", "\r\n")


def without_refresh_token(text: str) -> str:
    """Return the file with a blank refresh token, and every other character as it is.

    Raises:
        FormatError: the value is written in a way that cannot be replaced alone.
    """
    document = _load(text)
    authorization = _mapping(_section(document).get("authorization"), "trakt.authorization")
    if authorization.get("refresh_token") is None:
        return text
    position: tuple[int, int] = cast("Any", authorization).lc.value("refresh_token")
    line, column = position
    lines = text.splitlines(keepends=True)
    row = lines[line]
    old = row[column:]
    length = _length_of_scalar(old)
    lines[line] = row[:column].rstrip(" ") + old[length:]
    changed = "".join(lines)
    authorization["refresh_token"] = None
    if not _is_same(_load(changed), document, set()):
        raise FormatError("trakt.authorization.refresh_token is written in an unusual way; write it on one line")
    return changed


def _is_same(one: object, other: object, compared: set[tuple[int, int]]) -> bool:
    """Return whether two documents hold the same; what aliases lead to again is compared once."""
    if (id(one), id(other)) in compared:
        return True
    compared.add((id(one), id(other)))
    if isinstance(one, MutableMapping) and isinstance(other, MutableMapping):
        first, second = cast("Document", one), cast("Document", other)
        return list(first) == list(second) and all(_is_same(first[key], second[key], compared) for key in first)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):  # a tuple: of `!!pairs`
        ones, others = cast("Sequence[object]", one), cast("Sequence[object]", other)
        return len(ones) == len(others) and all(map(_is_same, ones, others, repeat(compared)))
    return bool(one == other)


def _length_of_scalar(text: str) -> int:
    """Return how long the scalar at the start of a line's rest is."""
    if text[:1] in {"'", '"'}:
        return text.index(text[0], 1) + 1
    plain = text.rstrip("\r\n")
    comment = plain.find(" #")
    return len(plain if comment < 0 else plain[:comment].rstrip(" "))


def _load(text: str) -> Document:
    yaml, library = _yaml()
    try:
        found = yaml.load(text.removeprefix("\ufeff"))
    except library.MarkedYAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
        raise FormatError(f"The file is not valid YAML{where}") from None
    except library.YAMLError:
        raise FormatError("The file is not valid YAML") from None
    return _mapping(found, "mapping, which Kometa's config.yml is")


def _section(document: Document) -> Document:
    return _mapping(document.get("trakt"), "section trakt")


def _mapping(found: object, name: str) -> Document:
    if not isinstance(found, MutableMapping):
        raise FormatError(f"The file has no {name}")
    return cast("Document", found)


def _yaml() -> tuple[Any, Any]:
    """Return a reader and writer, and the module with its errors."""
    try:
        import ruamel.yaml.error  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TraktAuthError(
            "ruamel.yaml is not installed", hint="Install it: pip install 'traktauth[kometa]'"
        ) from None
    yaml = ruamel.yaml.YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDE
    yaml.composer.warn_double_anchors = False  # the warning quotes lines, which may hold a token
    return yaml, ruamel.yaml.error
