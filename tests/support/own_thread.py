"""Replacements of functions of the whole process that only the calling thread meets.

Local Trakts and clients of other tests go on in threads of the same process. A replaced `os.open` would fail for these
too: they would log, break or be counted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def replace_in_this_thread(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, replacement: Callable[..., Any]
) -> None:
    """Let this thread call `replacement` as `owner.name`; the other threads call what was there."""
    real, thread = getattr(owner, name), threading.get_ident()

    def call(*arguments: Any, **named: Any) -> Any:
        return (replacement if threading.get_ident() == thread else real)(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
