"""What a server is given to begin with, as a value or in a JSON file: a seed, a scenario of faults."""

from __future__ import annotations

import json
from pathlib import Path


def read_json(source: object, what: str) -> object:
    """Give what a file holds, or the value itself.

    Args:
        source: a path, or a value that was read already.
        what: what the file is called in a message.

    Raises:
        ValueError: the file cannot be read, or is no JSON.
    """
    if not isinstance(source, (str, Path)):
        return source
    try:
        return json.loads(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"The {what} file {source} cannot be read: {error}") from error
    except RecursionError as error:
        raise ValueError(f"The {what} file {source} cannot be read: it is nested too deeply") from error
