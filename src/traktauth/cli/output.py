"""Output of the command line: data to stdout, messages to stderr, each line flushed at once.

Every text is made safe for a terminal: unsafe characters, including line ends, are escaped (`traktauth.display`).
Colours are added after that, and only here.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from traktauth.display import escape, shorten
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TextIO


MAX_MESSAGE_LENGTH = 5000  # characters on stderr; longer than any path, shorter than what a server may send
_NARROWEST = 40  # columns of a terminal that lines are broken for


class Styled:
    """A part of a line with a colour.

    Args:
        text: is escaped as any other text.
        sgr: parameters of the *Select Graphic Rendition* escape sequence, such as `31`.
    """

    __slots__ = ("sgr", "text")

    def __init__(self, text: str, sgr: str) -> None:
        self.text = text
        self.sgr = sgr


_COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36"}

# Replacements for an ASCII terminal, which keep success and failure distinguishable.
_ASCII = str.maketrans({
    "✓": "ok", "✗": "x", "→": "->", "…": "...", "\u2013": "-", "\u2212": "-", "·": "-", "\u00d7": "x",
})  # fmt: skip


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
    """Write a line of data to stdout; characters that its encoding lacks are replaced.

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
        if hanging is None:
            sys.stdout.write(_line(parts, indent, sys.stdout))
        else:
            sys.stdout.writelines(_lines(parts, indent, hanging, sys.stdout))
        sys.stdout.flush()


def print_hint(text: str, *, indent: int = 0) -> None:
    """Write a hint to stdout as `print_message` writes one to stderr; raises as `print_data` does."""
    print_data(NEXT, text, indent=indent, hanging=indent + 2)


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON takes
    """Write a value to stdout as one line of JSON; raises as `print_data` does."""
    print_data(json_line(value))


def print_bytes(content: bytes) -> None:
    """Write bytes to stdout, unchanged into a pipe or file, as safe text on a terminal; raises as `print_data` does."""
    with _writing():
        if is_on_terminal(sys.stdout):
            print_text(escape(content.decode("utf-8", "replace"), keep="\n\t"))
            return
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Write text that the caller has made safe to stdout; characters that its encoding lacks are replaced.

    Raises:
        BrokenPipeError, TraktAuthError: as for `print_data`.
    """
    with _writing():
        sys.stdout.write(showable(text, sys.stdout))
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

    Args:
        parts: texts, joined with spaces.
        indent: number of spaces before them.
    """
    with suppress(OSError, AttributeError):  # AttributeError: it was closed at the start
        before = "\r\x1b[K" if _in_place == [sys.stderr] else ""
        _in_place.clear()
        sys.stderr.write(before + "".join(_lines(parts, indent, indent + 2, sys.stderr)))
        sys.stderr.flush()


def _lines(parts: tuple[str | Styled, ...], indent: int, hanging: int, stream: TextIO) -> list[str]:
    """Return the lines that a stream shows of a long text: one, or as wide as its terminal."""
    *before, last = parts
    columns = terminal_columns(stream) or 0
    shown = " ".join(part.text if isinstance(part, Styled) else part for part in parts)
    if isinstance(last, Styled) or columns < _NARROWEST or len(shown) + indent <= columns:
        return [_line(parts, indent, stream, longest=MAX_MESSAGE_LENGTH)]
    if before == [NEXT]:
        first, *others = hint_lines(last, columns - indent - 2)
    else:
        text = escape(shorten(last, MAX_MESSAGE_LENGTH))
        taken = indent + len(shown) - len(last)
        wrapper = textwrap.TextWrapper(columns, initial_indent=" " * taken, subsequent_indent=" " * hanging)
        wrapper.break_long_words = wrapper.break_on_hyphens = wrapper.replace_whitespace = False
        first, *others = (line.lstrip() for line in wrapper.wrap(text) or [text])
    return [_line((*before, first), indent, stream), *(_line((other,), hanging, stream) for other in others)]


def terminal_columns(stream: TextIO) -> int | None:
    """Return the width of a stream's terminal, None if it has no terminal or no width is known."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def hint_lines(hint: str, columns: int) -> list[str]:
    """Return the lines of a hint after its arrow, so wide.

    Each sentence begins a line, and lines break between words. A command is not broken, and loses the full stop after
    it: it is copied.
    """
    hint = Hint(hint if len(hint) <= MAX_MESSAGE_LENGTH else shorten(hint, MAX_MESSAGE_LENGTH)).with_text(escape)
    lines = [""]
    ends_sentence = False
    for word, is_command in _words(hint):
        if lines[-1] and (ends_sentence or len(lines[-1]) + 1 + len(word) > columns):
            lines.append("")
        ends_sentence = word.endswith(".")
        shown = word[:-1] if is_command and ends_sentence and not word.endswith("`.") else word
        lines[-1] += f" {shown}" if lines[-1] else shown
    return lines


def _words(hint: Hint) -> list[tuple[str, bool]]:
    """Return the words of a hint, each with whether it is a whole command; punctuation belongs to what is before it."""
    words: list[tuple[str, bool]] = []
    has_space = True  # after the last part
    for part in hint.parts:
        is_command = isinstance(part, ShellCommand)
        inner = [str(part)] if isinstance(part, ShellCommand) else part.split()
        if inner and not has_space and not str(part)[0].isspace():
            last, was_command = words.pop()
            words.append((f"{last}{inner.pop(0)}", is_command or was_command))
        words += [(word, is_command) for word in inner]
        has_space = str(part)[-1:].isspace()
    return words


def print_message_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON takes
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
        line = _line((text,), 0, sys.stderr)[:-1]
        if (columns := terminal_columns(sys.stderr)) is not None and len(line) >= columns:
            line = showable(f"{line[: columns - 2]}…", sys.stderr)
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def json_line(value: Any) -> str:  # noqa: ANN401 - whatever JSON takes
    """Return a value as one line of JSON, in printable ASCII."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _line(parts: tuple[str | Styled, ...], indent: int, stream: TextIO, *, longest: int | None = None) -> str:
    """Return a line that a stream can show: parts escaped and cut, then coloured."""
    colours = uses_colour(stream)
    shown: list[str] = []
    for part in parts:
        text = escape(part.text if isinstance(part, Styled) else part)
        text = showable(text if longest is None else shorten(text, longest), stream)
        shown.append(f"\x1b[{part.sgr}m{text}\x1b[0m" if isinstance(part, Styled) and colours else text)
    return " " * indent + " ".join(shown) + "\n"


def showable(text: str, stream: TextIO) -> str:
    """Return a text in characters of a stream's encoding."""
    if text.isascii():
        return text
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def is_on_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal; one that was closed is none."""
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
