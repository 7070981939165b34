"""Output of the command line: data to stdout, messages to stderr, each line flushed at once.

Every text is made safe for a terminal: unsafe characters, including line ends, are escaped (`traktauth.display`).
Colours are added after that, and only here.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
import textwrap
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import NamedTuple, TextIO

from traktauth.display import escape, shorten
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand

MAX_MESSAGE_LENGTH = 5000  # characters on stderr; longer than any path, shorter than what a server may send
_NARROWEST = 40  # columns of a terminal that lines are broken for


class Styled(NamedTuple):
    """A part of a line with a colour: a text, which is escaped as any other, and the `31` of an escape sequence."""

    text: str
    sgr: str


_COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36"}

# Replacements for an ASCII terminal, which keep success and failure distinguishable.
_ASCII = str.maketrans({
    "✓": "ok", "✗": "x", "→": "->", "…": "...", "\u2013": "-", "\u2212": "-", "·": "-", "\u00d7": "x",
})  # fmt: skip


def replace_unencodable() -> None:
    """Let stdout and stderr write a replacement for each character that their encoding lacks."""
    codecs.register_error("traktauth", _replacement)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="traktauth")


def _replacement(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return lacking.translate(_ASCII).encode("ascii", "replace").decode(), error.end


def can_encode(text: str, stream: TextIO) -> bool:
    """Return whether the encoding of a stream has all characters of a text."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def style(text: str, colour: str) -> Styled:
    """Return a part of a line that is coloured if the stream shows colours."""
    return Styled(text, _COLOURS[colour])


def style_status(status: int, shown: str = "") -> Styled:
    """Return an HTTP status in the colour of its class."""
    return style(shown or str(status), {2: "green", 3: "green", 4: "yellow"}.get(status // 100, "red"))


GOOD = style("✓", "green")
WARNING = style("!", "yellow")
BAD = style("✗", "red")
NEXT = style("→", "cyan")
ERROR = style("Error:", "red")


def print_data(*parts: str | Styled, indent: int = 0, hanging: int | None = None) -> None:
    """Write a line of data to stdout.

    Args:
        parts: texts, joined with spaces.
        indent: number of spaces before them.
        hanging: break a line that is longer than the terminal between words, and indent the other lines so far; such a
            text is cut after `MAX_MESSAGE_LENGTH`.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
        TraktAuthError: stdout is closed, or its disk is full.
    """
    with _writing():
        stream = sys.stdout
        stream.write(_line(parts, indent, stream) if hanging is None else _lines(parts, indent, hanging, stream))
        stream.flush()


def print_hint(text: str, *, indent: int = 0) -> None:
    """Write a hint to stdout as `print_message` writes one to stderr; raises as `print_data` does."""
    print_data(NEXT, text, indent=indent, hanging=indent + 2)


def print_json(value: object) -> None:
    """Write a value to stdout as one line of JSON; raises as `print_data` does."""
    print_data(json_line(value))


def print_bytes(content: bytes) -> None:
    """Write bytes to stdout, unchanged into a pipe or file, as safe text on a terminal; raises as `print_data` does."""
    if is_on_terminal(sys.stdout):
        print_text(escape(content.decode("utf-8", "replace"), keep="\n\t"))
        return
    with _writing():
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Write text that the caller has made safe to stdout; raises as `print_data` does."""
    with _writing():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _writing() -> Generator[None]:
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - None if it was closed at the start
        raise TraktAuthError("Standard output is closed", hint="Redirect it to a terminal, a pipe or a file")
    if _in_place == [sys.stderr]:
        print_in_place("")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_stdout()
        what = f"Standard output cannot be written: {error.strerror}"
        raise TraktAuthError(what, hint="Free disk space, or write to another file") from None


_in_place: list[TextIO] = []  # the stream that shows a line of `print_in_place`


def print_message(*parts: str | Styled, indent: int = 0) -> None:
    """Write a message line to stderr; a closed stderr is ignored.

    A line that `print_in_place` wrote is removed first. Texts longer than `MAX_MESSAGE_LENGTH` are cut. On a terminal a
    long line breaks between words, but not within the command of a hint, which is copied.
    """
    with suppress(OSError, AttributeError):  # AttributeError: it was closed at the start
        before = "\r\x1b[K" if _in_place == [sys.stderr] else ""
        _in_place.clear()
        sys.stderr.write(before + _lines(parts, indent, indent + 2, sys.stderr))
        sys.stderr.flush()


def print_message_json(value: object) -> None:
    """Write a value to stderr as one line of JSON; a closed stderr is ignored."""
    with suppress(OSError, AttributeError):  # as in `print_message`
        sys.stderr.write(f"{json_line(value)}\n")
        sys.stderr.flush()


def print_in_place(text: str) -> None:
    """Replace the line that the last call wrote on a terminal; an empty text removes it.

    A text that is wider than the terminal is cut, as only one line can be replaced.
    """
    with suppress(OSError, AttributeError):
        _in_place[:] = [sys.stderr] if text else []
        line, columns = escape(text), terminal_columns(sys.stderr) or sys.maxsize
        sys.stderr.write(f"\r\x1b[K{line if len(line) < columns else f'{line[: columns - 2]}…'}")
        sys.stderr.flush()


def json_line(value: object) -> str:
    """Return a value as one line of JSON, in printable ASCII."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _lines(parts: tuple[str | Styled, ...], indent: int, hanging: int, stream: TextIO) -> str:
    """Return the lines that a stream shows of a long text: one, or as wide as its terminal."""
    *before, last = (part if isinstance(part, Styled) else _cut(part) for part in parts)
    columns = terminal_columns(stream) or 0
    taken = indent + sum(len(part if isinstance(part, str) else part.text) + 1 for part in before)
    if isinstance(last, Styled) or columns < _NARROWEST or taken + len(last) <= columns:
        return _line((*before, last), indent, stream)
    if before == [NEXT]:
        first, *others = hint_lines(last, columns - hanging)
    else:
        first, *others = _wrap(escape(last), columns - hanging, used=taken - hanging)
    return _line((*before, first), indent, stream) + "".join(_line((other,), hanging, stream) for other in others)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_LENGTH else shorten(text, MAX_MESSAGE_LENGTH)


def _wrap(text: str, columns: int, *, used: int = 0) -> list[str]:
    """Return the lines of a text; the first has so many columns less."""
    wrapper = textwrap.TextWrapper(columns, initial_indent=" " * used, replace_whitespace=False)
    wrapper.break_long_words = wrapper.break_on_hyphens = False
    return [line.lstrip() for line in wrapper.wrap(text)] or [text]


def terminal_columns(stream: TextIO) -> int | None:
    """Return the width of a stream's terminal, None if it has no terminal or no width is known."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


_SPACE, _END = "\0", "\1"  # in a command, and after it; `escape` leaves none of them in a text


def hint_lines(hint: str, columns: int) -> list[str]:
    """Return the lines of a hint after its arrow, so wide.

    Each sentence begins a line, and lines break between words. A command is not broken, and loses the full stop after
    it: it is copied.
    """
    parts = Hint(hint).with_text(escape).parts
    text = "".join(f"{part}{_END}".replace(" ", _SPACE) if isinstance(part, ShellCommand) else part for part in parts)
    sentences = (re.sub(f"(?<!`){_END}\\.$", "", each) for each in re.split(r"(?<=\.) ", text.strip()))
    lines = (line for each in sentences for line in _wrap(each.replace(_END, ""), columns))
    return [line.replace(_SPACE, " ") for line in lines]


def _line(parts: tuple[str | Styled, ...], indent: int, stream: TextIO) -> str:
    """Return a line that a stream can show: parts escaped, then coloured."""
    colours = uses_colour(stream)
    shown = (
        f"\x1b[{part.sgr}m{escape(part.text)}\x1b[0m"
        if isinstance(part, Styled) and colours
        else escape(part.text if isinstance(part, Styled) else part)
        for part in parts
    )
    return " " * indent + " ".join(shown) + "\n"


def is_on_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal; a closed one is not."""
    with suppress(ValueError):
        return stream is not None and stream.isatty()
    return False


def can_ask() -> bool:
    """Return whether stdin and stderr are a terminal, so that a user can be asked."""
    return is_on_terminal(sys.stdin) and is_on_terminal(sys.stderr)


def uses_colour(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that shows colours (`NO_COLOR` and `TERM=dumb` turn them off)."""
    return is_on_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def discard_stdout() -> None:
    """Redirect stdout to the null device, so that the interpreter's last flush does not fail."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
