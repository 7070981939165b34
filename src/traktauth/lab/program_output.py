"""What programs print: only the end of it is kept, and its last line quoted."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

LONGEST_LINE = 300
LONGEST_OUTPUT, BLOCK = 16_384, 65_536
"""Bytes that are kept of what programs print, and that are read at once."""
CLOSE_SECONDS = 5.0
"""For the end of what they print: a process that is not found can hold the pipe."""


class OutputEnd:
    """Keeps the end of what programs print to `pipe`, within its `with`: a file could fill the disk."""

    def __init__(self) -> None:
        self._content = b""
        reading, self.pipe = os.pipe()
        self._thread = threading.Thread(target=self._read, args=(reading,), name="lab-output", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all is read; the programs have ended."""
        os.close(self.pipe)
        self._thread.join(CLOSE_SECONDS)

    @property
    def last_line(self) -> str:
        """The last line with a text; of traktauth the message, and not its hint."""
        lines = self._content.decode("utf-8", "replace").splitlines()
        words = (line.strip()[:LONGEST_LINE] for line in reversed(lines))
        return next((line for line in words if line and not line.startswith("→")), "")

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            while block := pipe.read(BLOCK):
                self._content = (self._content + block)[-LONGEST_OUTPUT:]
