"""What to say where a store needs a library that is not installed."""

from __future__ import annotations

from traktauth.errors import StoreFailed


def missing(extra: str, error: ImportError) -> StoreFailed:
    """Return the error for a store whose library cannot be imported."""
    library = (error.name or extra).partition(".")[0]
    return StoreFailed(
        f"This store needs {library}, which is not installed here", hint=f"pip install 'traktauth[{extra}]'"
    )
