"""The limit of open files."""

from __future__ import annotations

import contextlib


def raise_limit() -> None:
    """Raise this process's limit of open files as far as it may be raised."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; a limit that cannot be raised
        import resource  # noqa: PLC0415 - not on every system

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
