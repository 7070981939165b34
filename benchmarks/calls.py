"""How many functions of traktauth a call runs, in how many modules and how deep: to see what a design costs to read.

Usage: python benchmarks/calls.py [SRC]      SRC: the `src` folder of another checkout, to compare with

Each line is one blocking call on a login that is in its store; the calls of the threads that it starts count too. A
refresh is exchanged with a function in place of the HTTP client.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType

SRC = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "src").resolve()
sys.path.insert(0, str(SRC))
for name in [name for name in sys.modules if name.partition(".")[0] == "traktauth"]:
    del sys.modules[name]

from traktauth import App, Token, Trakt  # noqa: E402 - found through the lines above
from traktauth.wire.messages import Response  # noqa: E402 - the same

PACKAGE = str(SRC / "traktauth")
GRANT = (
    b'{"access_token": "a%d", "refresh_token": "r%d", "expires_in": 604800, "created_at": %d, "token_type": "bearer"}'
)


class Profile:
    """Count the calls of this package's functions, in all threads."""

    def __init__(self) -> None:
        self.calls = 0
        self.modules: set[str] = set()
        self.depth = 0
        self._local = threading.local()
        self._lock = threading.Lock()

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """Be called by the interpreter at each call and return of a Python function."""
        if event not in {"call", "return"} or not frame.f_code.co_filename.startswith(PACKAGE):
            return
        depth = getattr(self._local, "depth", 0) + (1 if event == "call" else -1)
        self._local.depth = depth
        if event == "call":
            with self._lock:
                self.calls += 1
                self.modules.add(frame.f_code.co_filename)
                self.depth = max(self.depth, depth)

    def __enter__(self) -> Self:
        threading.setprofile(self.note)
        sys.setprofile(self.note)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)


def signed_in(address: str) -> Trakt:
    """Return a login in this store, which is refreshed without a network."""
    trakt = Trakt(App("0" * 64, client_secret="s"), store=address)
    sent = iter(range(1, 100))

    def send(*_: object, **__: object) -> Response:
        number = next(sent)
        return Response(200, {"content-type": "application/json"}, GRANT % (number, number, int(time.time())))

    for client in vars(trakt).values():
        if type(client).__name__ in {"HttpClients", "ClientPool"}:
            client.send = send
    trakt = trakt.for_account("default")  # its driver takes the function above
    now = int(time.time())
    trakt.adopt(Token("a0", "r0", expires_in=604800, created_at=now, expires_at=now + 604800))
    return trakt


def main() -> None:
    """Print a line for each path."""
    print(f"{'':24}{'calls':>8}{'modules':>10}{'depth':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for store in ("file", "sqlite"):
            trakt = signed_in(f"{store}:{folder}/{store}")
            for name in ("token", "refresh"):
                call = getattr(trakt, name)
                call()  # the first call imports, and fills what is kept
                for path in Path(folder).iterdir():
                    os.utime(path, (time.time() - 60,) * 2)  # a file of this moment is read again at each call
                if name == "token":
                    call()
                with Profile() as profile:
                    call()
                print(f"{f'{name}(), {store}':24}{profile.calls:>8}{len(profile.modules):>10}{profile.depth:>8}")


if __name__ == "__main__":
    main()
