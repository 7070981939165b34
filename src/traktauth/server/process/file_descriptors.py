"""Log when no file descriptor is left: libuv then closes new connections without an error."""

from __future__ import annotations

import contextlib
import errno
import logging
import os

log = logging.getLogger(__name__)
REPEAT_SECONDS = 60.0


def raise_limit() -> None:
    """Raise this process's limit of open files as far as it may be raised."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows; a limit that cannot be raised
        import resource  # noqa: PLC0415 - not on every system

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class DescriptorMonitor:
    """Logs when no file descriptor is left: at most once a minute, and once when it is over."""

    def __init__(self) -> None:
        self._logged: float | None = None
        self._is_over = True

    def look(self, now: float) -> None:
        """Check whether a file can be opened.

        Args:
            now: seconds on a clock that only grows.
        """
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._log_shortage(now, error)
            return
        if not self._is_over:
            self._is_over = True
            log.warning("New connections are accepted again")

    def _log_shortage(self, now: float, error: OSError) -> None:
        if self._logged is not None and now - self._logged < REPEAT_SECONDS:
            return
        self._logged, self._is_over = now, False
        log.warning(
            "New connections are closed at once: %s. Raise the limit (ulimit -n), or close idle connections",
            error.strerror,
        )
