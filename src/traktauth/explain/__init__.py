"""What a line of a log means: cause, fix and source, without a network."""

from __future__ import annotations

from traktauth.explain.entries import Entry, load_entries
from traktauth.explain.matcher import explain

__all__ = ["Entry", "explain", "load_entries"]
