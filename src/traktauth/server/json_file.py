"""What a server is given to begin with, as a value or in a JSON file: a seed, a scenario of faults, responses."""

from __future__ import annotations

import json
from pathlib import Path


def read_json(source: object, what: str, *, expected: str) -> object:
    """Return what a JSON file holds, or the value itself.

    Args:
        source: a path, or a value that was read already.
        what: what the file is called in a message.
        expected: what such a file holds, for a message.

    Raises:
        ValueError: the file cannot be read, or does not hold valid JSON; the message says where.
    """
    if not isinstance(source, (str, Path)):
        return source
    file = f"The {what} file {source}"
    try:
        return json.loads(Path(source).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ValueError(f"{file} does not exist") from error
    except IsADirectoryError as error:
        raise ValueError(f"{file} is a folder") from error
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"{file} is not valid JSON: {where}: {error.msg}; expected {expected}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: byte {error.start}; expected {expected}") from error
    except RecursionError as error:
        raise ValueError(f"{file} is nested too deeply; expected {expected}") from error
    except ValueError as error:  # such as a number of too many digits, or a path with a NUL
        raise ValueError(f"{file} cannot be read: {error}") from error
