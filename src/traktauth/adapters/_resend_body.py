"""Bodies of prepared requests: where a file stood, and whether it can be sent again."""

from __future__ import annotations

from typing import Any, Final, Literal

Position = int | Literal["in memory", "read once"]
"""Where a file stood before it was sent, or what else the body is."""

IN_MEMORY: Final = "in memory"
READ_ONCE: Final = "read once"


def position_of(body: Any) -> Position:  # noqa: ANN401 - whatever a program sends
    """Return where a body stands before it is sent."""
    if body is None or isinstance(body, (bytes, str)):
        return IN_MEMORY
    try:
        position = body.tell()
    except (AttributeError, OSError, ValueError):
        return READ_ONCE
    return position if isinstance(position, int) else READ_ONCE


def rewind(body: Any, position: Position) -> bool:  # noqa: ANN401 - as above
    """Put a body back to where it stood; return whether it can be sent again."""
    if not isinstance(position, int):
        return position == IN_MEMORY
    try:
        body.seek(position)
    except (AttributeError, OSError, ValueError):
        return False
    return True
