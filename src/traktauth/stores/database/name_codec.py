"""Names as databases take them: those with a lone surrogate, from a command line that was no UTF-8, are escaped."""

from __future__ import annotations

_ESCAPED = "\x01"  # no name begins with it, as none holds a control character


def to_text(name: str) -> str:
    """Return a name as UTF-8 can hold it."""
    if name.isascii():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        return _ESCAPED + name.encode("unicode_escape").decode("ascii")
    return name


def from_text(text: str) -> str:
    """Return the name that `to_text` was given; the text itself if no name can have become it."""
    if not text.startswith(_ESCAPED):
        return text
    try:
        return text[1:].encode("ascii").decode("unicode_escape")
    except UnicodeError:
        return text
