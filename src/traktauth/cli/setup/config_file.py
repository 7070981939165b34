"""Change settings in the configuration file, and keep the others."""

from __future__ import annotations

import json
import os
import re
import tomllib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"\s*([A-Za-z_]+)\s*=")


def change_settings(path: str, values: Mapping[str, str | None]) -> None:
    """Set or remove settings; the file is replaced as a whole, and this user alone can read it.

    Args:
        path: the file, which need not exist.
        values: what is set; None removes a setting.

    Raises:
        TraktAuthError: the file cannot be written; it is as it was.
    """
    from traktauth.private_files import resolve  # noqa: PLC0415 - only where a file is written
    from traktauth.stores.file.atomic_file import make_folder, replace  # noqa: PLC0415 - the same
    from traktauth.stores.redaction import Hidden  # noqa: PLC0415 - the same

    try:
        target = resolve(path)
        text = ""
        with suppress(FileNotFoundError), open(target, encoding="utf-8-sig") as file:  # noqa: PTH123 - paths are text
            text = file.read()
        make_folder(os.path.dirname(target))  # noqa: PTH120 - the same
        try:
            replace(target, Hidden(with_settings(text, values).encode()))
        finally:
            with suppress(OSError):
                os.unlink(f"{target}.new")  # noqa: PTH108 - what an interruption leaves
    except OSError as error:
        raise TraktAuthError(
            f"The configuration file {path} cannot be written: {error.strerror or error}",
            hint="Make it and its folder writable, or use another file: TRAKTAUTH_CONFIG",
        ) from None


def with_settings(text: str, values: Mapping[str, str | None]) -> str:
    """Return the text of a configuration file with settings changed; comments and other settings stay."""
    old = tomllib.loads(text)
    wanted = {name: value for name, value in {**old, **values}.items() if value is not None}
    added = {name: value for name, value in values.items() if value is not None and old.get(name) != value}
    lines: list[str] = []
    for line in text.splitlines():
        match = _NAME.match(line)
        name = match[1] if match else ""
        if name in values and old.get(name) != values[name]:
            if name in added:
                lines.append(f"{name} = {_toml(added.pop(name))}")
        else:
            lines.append(line)
    lines += [f"{name} = {_toml(value)}" for name, value in added.items()]
    new = "".join(f"{line}\n" for line in lines)
    with suppress(tomllib.TOMLDecodeError):
        if tomllib.loads(new) == wanted:
            return new
    return "".join(f"{name} = {_toml(value)}\n" for name, value in wanted.items())  # a setting on several lines


def _toml(value: Any) -> str:  # noqa: ANN401 - what a setting may be: a text, or true or false
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
