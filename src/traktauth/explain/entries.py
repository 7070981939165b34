"""The entries, as `entries.toml` has them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that can be wrong.

    Attributes:
        id: a word for it, as `traktauth explain ID` takes it.
        pattern: texts that all stand close to each other in a log; letter case and runs of blanks do not matter.
        era: `current` (Trakt since 2026), `classic` (before) or `any`.
        cause: what happened.
        fix: what to do.
        source: the address of a public page that shows or documents it.
        sample: a line that shows it.
    """

    id: str
    pattern: tuple[str, ...]
    era: str
    cause: str
    fix: str
    source: str
    sample: str


@cache
def load_entries() -> tuple[Entry, ...]:
    """Return every entry, in the order of the file."""
    found = tomllib.loads(files("traktauth.explain").joinpath("entries.toml").read_text(encoding="utf-8"))
    return tuple(Entry(id=name, pattern=tuple(entry.pop("pattern")), **entry) for name, entry in found.items())
