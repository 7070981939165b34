"""Data to stdout, talk to stderr; each line leaves at once, also into a pipe."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from traktauth.errors import TraktAuthError

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TextIO


def emit(text: str) -> None:
    """Write a line of data to stdout; characters that it cannot show are replaced.

    Raises:
        BrokenPipeError: nobody reads it any more.
        TraktAuthError: it is closed, or its disk is full.
    """
    with _writing():
        sys.stdout.write(_showable(text, sys.stdout))
        sys.stdout.flush()


def emit_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON takes
    """Write a value to stdout as one line of JSON; otherwise as `emit`."""
    emit(json.dumps(value))


def emit_bytes(content: bytes) -> None:
    """Write bytes to stdout as they are; otherwise as `emit`."""
    with _writing():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


@contextmanager
def _writing() -> Generator[None]:
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - it is None where it was closed before us
        raise TraktAuthError("Standard output is closed", hint="Run it with an output: a terminal, a pipe or a file")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go_of_stdout()
        what = f"Standard output cannot be written: {error.strerror}"
        raise TraktAuthError(what, hint="Make room there, or write it elsewhere") from None


def say(text: str) -> None:
    """Write a line of talk to stderr; characters that it cannot show are replaced, and nobody listening is fine."""
    with suppress(OSError, AttributeError):  # AttributeError: it was closed before us
        sys.stderr.write(_showable(text, sys.stderr))
        sys.stderr.flush()


def say_in_place(text: str) -> None:
    """Write over the line of a terminal that this wrote last; with nothing, take it away."""
    with suppress(OSError, AttributeError):
        sys.stderr.write("\r\x1b[K" + _showable(text, sys.stderr)[:-1])
        sys.stderr.flush()


def _showable(text: str, stream: TextIO) -> str:
    """Return a line as a stream can show it."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding) + "\n"


def coloured(stream: TextIO | None) -> bool:
    """Tell whether a stream is a terminal that wants colour."""
    return (
        stream is not None and stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Return the text in a colour where the stream (stderr by default) shows colours."""
    if not coloured(sys.stderr if stream is None else stream):
        return text
    from click import style  # noqa: PLC0415 - a token needs no colour

    return style(text, fg=colour)


def let_go_of_stdout() -> None:
    """Stop writing to a stdout that nobody reads, so that the interpreter's last flush does not complain."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
