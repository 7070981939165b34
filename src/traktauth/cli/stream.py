"""Data to stdout, talk to stderr; each line leaves at once, also into a pipe."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO


def emit(text: str) -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def emit_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON takes
    """Write a value to stdout as one line of JSON."""
    emit(json.dumps(value))


def emit_bytes(content: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Write a line of talk to stderr; characters that it cannot show are replaced, and nobody listening is fine."""
    with suppress(BrokenPipeError):
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        sys.stderr.flush()


def coloured(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that wants colour."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return the text in a colour where the stream (stderr by default) shows colours."""
    if not coloured(sys.stderr if stream is None else stream):
        return text
    from click import style  # noqa: PLC0415 - a token needs no colour

    return style(text, fg=colour)


def let_go_of_stdout() -> None:
    """Stop writing to a stdout that nobody reads, so that the interpreter's last flush does not complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
