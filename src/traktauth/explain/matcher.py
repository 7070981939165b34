"""Finding entries in a text, in time that grows with its length alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from traktauth.explain.entries import Entry, load_entries

MAX_DISTANCE = 600
"""Characters within which all texts of a pattern stand: a few lines of a log."""
BLANKS = re.compile(r"(?:\s|\+|%20)+")
"""Also as an address has them."""
COLOURS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""Control sequences of a terminal (ECMA-48), which logs contain as well: colours, links, titles."""
NAMED = re.compile(r"\btraktauth explain ([a-z0-9-]+)")
"""The command with which traktauth's own hints end."""


def explain(text: str) -> list[Entry]:
    """Return the entries that a text shows, the best first; an entry's id, or a status, alone is that entry.

    An entry that a hint in the text names (`traktauth explain ID`) comes before the others.

    Args:
        text: a line of a log, a response, or a whole log.
    """
    entries = load_entries()
    alone = text.strip()
    named = [entry for entry in entries if entry.id == alone or (alone.isdecimal() and entry.pattern[0] == alone)]
    if named:
        return sorted(named, key=_weight)  # the most general first
    normal = BLANKS.sub(" ", COLOURS.sub("", text)).lower()
    hinted = set(NAMED.findall(normal))
    found = [entry for entry in entries if entry.id in hinted or _is_in(entry.pattern, normal)]
    # Of equals, the first in the file.
    return sorted(found, key=lambda entry: (entry.id in hinted, _weight(entry)), reverse=True)


def _weight(entry: Entry) -> int:
    """Return how much an entry says: the characters of its pattern."""
    return sum(map(len, entry.pattern))


def _is_in(pattern: Sequence[str], text: str) -> bool:
    places = [_places(part.lower(), text) for part in pattern]
    if not all(places):
        return False
    rarest = min(places, key=len)
    return any(all(_has_near(others, place) for others in places) for place in rarest)


def _places(part: str, text: str) -> list[int]:
    """Return where a text stands as a word or words of its own."""
    found: list[int] = []
    at = text.find(part)
    while at >= 0:
        if not (_are_joined(text, at - 1, at) or _are_joined(text, at + len(part) - 1, at + len(part))):
            found.append(at)
        at = text.find(part, at + len(part))
    return found


def _are_joined(text: str, left: int, right: int) -> bool:
    """Return whether two neighbours belong to one word or number."""
    return left >= 0 and right < len(text) and text[left].isalnum() and text[right].isalnum()


def _has_near(places: Sequence[int], place: int) -> bool:
    after = bisect_left(places, place - MAX_DISTANCE)
    return after < len(places) and places[after] <= place + MAX_DISTANCE
