"""Text from outside, made safe for a terminal.

A server, a store, a name or an argument can hold characters that a terminal obeys: escape sequences that set its
clipboard or title, line breaks that forge a line of output, marks that reverse the reading direction. Every text that
the library or the command shows a user passes `escape`.
"""

from __future__ import annotations

import re

# What a terminal or a reader's eye is misled by: C0 and C1 controls, the soft hyphen, bidirectional marks, embeddings
# and isolates, line and paragraph separators, zero-width and invisible characters, lone surrogates, interlinear
# annotations and tags. The zero-width joiners U+200C and U+200D stay: names and emoji are spelled with them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def escape(text: str, *, keep: str = "") -> str:
    r"""Return a text with each character that could mislead a terminal written as `\x1b` or `\u202e`.

    Args:
        text: any text; may hold lone surrogates.
        keep: characters that are left as they are, such as a line end.
    """
    if text.isprintable():  # the usual case
        return text
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text)


def find_unsafe(text: str) -> str:
    """Return what is wrong with a name: the first unsafe character and its position; an empty text for a safe name."""
    if text.isprintable():
        return ""
    found = _UNSAFE.search(text)
    if found is None:
        return ""
    return f"U+{ord(found[0]):04X} at position {found.start() + 1} of {len(text)}"


def shorten(text: str, limit: int = 200) -> str:
    """Return a text of at most so many characters; what is cut off is counted."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
