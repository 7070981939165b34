"""A world for one scenario: a local Trakt, a sandbox, a home folder, the program's login and a second device."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from traktauth.client.operations import AuthenticationOAuthApi
from traktauth.errors import TraktAuthError
from traktauth.models import Token
from traktauth.sandbox import Sandbox
from traktauth.sandbox.home_folder import make_home
from traktauth.sandbox.processes import NOT_EXECUTABLE, NOT_FOUND, CommandProcess
from traktauth.sandbox.sandbox import PUBLIC_URL
from traktauth.testing.local import LocalTrakt
from traktauth.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import TracebackType

    from traktauth.sandbox.exchanges import Exchange
    from traktauth.sandbox.logins import LoginPlace

USER = "sean"
TOKEN_PATHS = frozenset(("/oauth/token", "/api/auth/oauth2/token"))
OK = 200
TIMED_OUT = 124
AGING_SECONDS = 300
"""That an *aging* access token is still valid for."""
EXPIRED_SECONDS = 60
"""For which an *expired* access token has been expired."""
SETUP_LIFE_SECONDS = 2
"""That the access token of a `--setup` is valid for, if it is to have expired."""
LOOK_SECONDS = 0.1
"""How often the copies of a race are looked at."""
QUIET_SECONDS, LONG_QUIET_SECONDS = 1.0, 3.0
"""For how long copies must have slept to count as waiting; the second while no refresh request has come."""
MOST_TICKS = 2
"""Of the processor's time that a waiting process may use meanwhile: it may look whether it can go on."""
LONGEST_GATHERING = 20.0
SHORTEST_GATHERING = 5.0
"""Where the processor time of a process is unknown."""
LONGEST_LINE = 300
NOT_STARTED = {NOT_FOUND: "the program is not found", NOT_EXECUTABLE: "the program cannot be executed"}
LONGEST_OUTPUT, BLOCK = 16_384, 65_536
"""Bytes that are kept of what programs print, and that are read at once."""
CLOSE_SECONDS = 5.0
"""For the end of what they print: a process that is not found can hold the pipe."""
LONGEST_BACKOFF, BACKOFF_SECONDS = 30.0, 2.0
"""For which, and how often, a program whose login has not been touched is run again."""


@value
class Program:
    """What is judged, and how it gets its login.

    Attributes:
        command: its words.
        login: the login that is written for it.
        setup: a command for a shell that signs in; used in place of *login*.
        home: a folder whose copy is its home; None: an empty one.
        timeout: seconds that a run may take.
        profile: of the local Trakt.
        environ: the environment to start from.
    """

    command: tuple[str, ...]
    login: LoginPlace | None
    setup: str | None
    home: Path | None
    timeout: float
    profile: str
    environ: Mapping[str, str]


class Traffic:
    """Counts what the program sends, and holds or breaks it off; called in the proxy's thread."""

    def __init__(self) -> None:
        self.refreshes: Counter[str] = Counter()
        self.answered_by_api = 0
        self.is_gate_open = threading.Event()
        self.is_gate_open.set()
        self.waiting = 0
        self.kill: Callable[[], None] | None = None
        self.is_killed = threading.Event()

    async def on_request(self, exchange: Exchange) -> None:
        """Count a refresh, and hold it while the gate is closed."""
        if not _is_refresh(exchange):
            return
        self.refreshes[hashlib.sha256(exchange.request["refresh_token"].encode()).hexdigest()] += 1
        self.waiting += 1
        try:
            while not self.is_gate_open.is_set():  # noqa: ASYNC110 - it is opened in another thread
                await asyncio.sleep(0.01)
        finally:
            self.waiting -= 1

    async def on_response(self, exchange: Exchange) -> None:
        """Count an answer of the API; kill the program before a refresh's response reaches it, if that is wanted."""
        if exchange.authorized and exchange.status == OK and exchange.path not in TOKEN_PATHS:
            self.answered_by_api += 1
        if self.kill is not None and exchange.status == OK and _is_refresh(exchange):
            kill, self.kill = self.kill, None
            kill()
            while not self.is_killed.is_set():  # noqa: ASYNC110 - it is set in another thread
                await asyncio.sleep(0.01)


class Stopped(Exception):
    """The lab has been interrupted, and starts nothing more."""


class Stop:
    """Ends the programs of all worlds at once, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[CommandProcess] = set()
        self._is_set = False

    def set(self) -> None:
        """End what runs, and let nothing be started any more."""
        with self._lock:
            self._is_set = True
            for process in self._running:
                process.kill()

    @contextlib.contextmanager
    def ends(self, processes: Sequence[CommandProcess]) -> Generator[None, None, None]:
        """Let `set` end these started processes, within its `with`.

        Raises:
            Stopped: `set` was called before.
        """
        with self._lock:
            if self._is_set:
                raise Stopped
            self._running.update(processes)
        try:
            yield
        finally:
            with self._lock:
                self._running.difference_update(processes)


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


class Task(NamedTuple):
    """A thread of a copy.

    Attributes:
        is_asleep: whether it waits for something other than the processor or a disk.
        ticks: the processor's time that it has used.
    """

    is_asleep: bool
    ticks: int


class Sample(NamedTuple):
    """The threads of all copies at one time, by their ids."""

    at: float
    tasks: Mapping[int, Task]


def _is_refresh(exchange: Exchange) -> bool:
    request = exchange.request
    return exchange.path in TOKEN_PATHS and request.get("grant_type") == "refresh_token" and "refresh_token" in request


class World:
    """One scenario's world, within its `with`.

    Args:
        program: what runs in it.
        folder: for its files.
        expired: whether the access token has expired; else it is valid for five minutes more.
        access_life: seconds that later access tokens are valid for; None: the profile's.
        stop: ends its programs.
    """

    def __init__(
        self, program: Program, folder: Path, *, expired: bool, stop: Stop, access_life: int | None = None
    ) -> None:
        self._program = program
        self._stop = stop
        self._expired = expired
        self._folder = Path(tempfile.mkdtemp(dir=folder))
        self.traffic = Traffic()
        if program.setup is not None and access_life is None:
            access_life = SETUP_LIFE_SECONDS if expired else AGING_SECONDS
        self.local = LocalTrakt(
            profile="classic" if program.profile == "classic" else "current",
            public_url=PUBLIC_URL,
            control=False,
            access_life=access_life,
        )
        self._sandbox = Sandbox(
            self.local, approve_as=USER, environ=program.environ, hooks=self.traffic, folder=self._folder
        )
        self._until_the_end = ExitStack()
        self._environ: dict[str, str] = {}
        self.exits: list[int] = []
        self.last_words = ""

    def __enter__(self) -> Self:
        """Start it, and give the program its login.

        Raises:
            TraktAuthError: the sandbox cannot be started, or the home or login cannot be written.
            LookupError: the command of `--setup` failed.
        """
        try:
            self._until_the_end.enter_context(self.local)
            self._until_the_end.enter_context(self._sandbox)
            home, temporary = self._folder / "home", self._folder / "tmp"
            temporary.mkdir(mode=0o700)
            environ = self._sandbox.environ | {"TMPDIR": str(temporary)}
            self._environ = make_home(environ, home, copy_of=self._program.home)
            self._sign_in(home)
        except BaseException:
            self._until_the_end.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, and remove its files."""
        self._until_the_end.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, copies: int = 1, *, together: bool = False, killed: bool = False) -> None:
        """Run the program to its end, and keep its exit statuses.

        Args:
            copies: how many at once.
            together: whether their refresh requests are held until each copy has sent one, has ended, or waits.
            killed: whether it is killed once the local Trakt has answered its refresh.

        Raises:
            Stopped: the lab has been interrupted.
        """
        traffic = self.traffic
        with ExitStack() as until_the_end:
            output = until_the_end.enter_context(OutputEnd())
            processes = [
                until_the_end.enter_context(
                    CommandProcess(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output.pipe)
                )
                for _ in range(copies)
            ]
            if together:
                traffic.is_gate_open.clear()
            if killed:
                traffic.is_killed.clear()
                traffic.kill = processes[0].kill
            try:
                failed = [process.start(self._program.command, self._environ) for process in processes]
                until_the_end.enter_context(self._stop.ends(processes))
                if together:
                    self._gather([one for one, status in zip(processes, failed, strict=True) if status is None])
                deadline = time.monotonic() + self._program.timeout
                for process, status in zip(processes, failed, strict=True):
                    self.exits.append(_wait(process, deadline) if status is None else status)
            finally:
                traffic.is_gate_open.set()
                traffic.kill = None
                traffic.is_killed.set()
        not_started = next((status for status in failed if status is not None), None)
        self.last_words = output.last_line if not_started is None else NOT_STARTED[not_started]
        if TIMED_OUT in self.exits[-copies:] and time.monotonic() >= deadline and not self.last_words:
            self.last_words = f"it was ended after {self._program.timeout} s, see --timeout"

    def run_plainly(self) -> bool:
        """Run the program once more; return whether it is still signed in.

        A program may wait before it tries again, so the run is repeated while its refresh token has not been used.
        """
        until = time.monotonic() + LONGEST_BACKOFF
        while True:
            before = self.traffic.answered_by_api
            self.run()
            if self.exits[-1] == 0 and self.traffic.answered_by_api > before:
                return True
            ledger = self.local.ledger
            if ledger["rotations"] or ledger["families_killed"] or not self.traffic.refreshes:
                return False
            if time.monotonic() > until:
                return False
            self.exits.pop()
            time.sleep(BACKOFF_SECONDS)

    def has_second_device(self) -> bool:
        """Return whether the other device of the same user can refresh; it is used up by that."""
        api, app = AuthenticationOAuthApi(service=self.local.url), self.local.app
        try:
            api.exchange_refresh_token_for_access_token(
                refresh_token=self._second["refresh_token"],
                client_id=app.client_id,
                client_secret=app.client_secret,
                redirect_uri=app.redirect_uri,
            )
        except TraktAuthError:
            return False
        return True

    def _sign_in(self, home: Path) -> None:
        age = 0
        if self._program.setup is None:
            life: int = self.local.sign_in("clock")["expires_in"]
            age = life + EXPIRED_SECONDS if self._expired else max(0, life - AGING_SECONDS)
        self.local.advance(seconds=-age)
        self._second = self.local.sign_in(USER)
        if self._program.setup is not None:
            self._set_up(self._program.setup)
        elif self._program.login is not None:
            members = self.local.sign_in(USER)
            self._write(self._program.login, members, age, home)
        self.local.advance(seconds=age)

    def _write(self, login: LoginPlace, members: Mapping[str, Any], age: float, home: Path) -> None:
        token = Token(
            access_token=members["access_token"],
            refresh_token=members["refresh_token"],
            expires_in=members["expires_in"],
            expires_at=time.time() + members["expires_in"] - age,
        )
        path = home / login.path.partition(":")[2] if login.format == "traktauth" else home / login.path
        if not path.resolve().is_relative_to(home.resolve()):
            raise TraktAuthError(
                f"{login.path} is outside the home folder of the lab",
                hint="Give a path relative to it: --tokens FORMAT:PATH",
            )
        try:  # a file that exists is of the copy of `--home`
            self._environ.update(login.write(self.local.app, token, home, replace=True))
        except OSError as error:
            raise TraktAuthError(
                f"The login cannot be written to {login.path}: {error.strerror}", hint="Give another --home or --tokens"
            ) from None

    def _set_up(self, command: str) -> None:
        with (
            OutputEnd() as output,
            CommandProcess(stdin=subprocess.DEVNULL, stdout=output.pipe, stderr=output.pipe) as process,
        ):
            status = process.start(["sh", "-c", command], self._environ)
            with self._stop.ends([process]):
                if status is None:
                    status = _wait(process, time.monotonic() + self._program.timeout)
        if status:
            raise LookupError(f"--setup ended with {status}: {output.last_line}")
        if self._expired:
            time.sleep(SETUP_LIFE_SECONDS + 0.5)

    def _gather(self, processes: Sequence[CommandProcess]) -> None:
        """Open the gate once each copy has sent its refresh, has ended, or waits for another one."""
        until = time.monotonic() + (LONGEST_GATHERING if sys.platform.startswith("linux") else SHORTEST_GATHERING)
        seen: list[Sample] = []
        while time.monotonic() < until:
            running = [process for process in processes if process.wait(0) is None]
            if self.traffic.waiting >= len(running):
                break
            seen.append(Sample(time.monotonic(), _tasks_below([process.pid for process in running])))
            if are_waiting(seen, QUIET_SECONDS if self.traffic.waiting else LONG_QUIET_SECONDS):
                break
            time.sleep(LOOK_SECONDS)
        self.traffic.is_gate_open.set()


def _wait(process: CommandProcess, deadline: float) -> int:
    """Return the exit status of a run; one that takes too long is ended."""
    status = process.wait(max(0.0, deadline - time.monotonic()))
    if status is None:
        process.kill()
        process.wait()
        return TIMED_OUT
    return status


def are_waiting(samples: Sequence[Sample], seconds: float) -> bool:
    """Return whether all tasks have slept for the last *seconds*, except for short looks at something.

    A task that waits for the processor does not sleep, so that a busy machine does not look like a waiting program.
    """
    if not samples or not samples[-1].tasks:
        return False
    last = samples[-1]
    since = [sample for sample in samples if sample.at >= last.at - seconds]
    # Counted as well, as this process may itself have had to wait for the processor.
    if last.at - samples[0].at < seconds or len(since) <= seconds / LOOK_SECONDS / 2:
        return False
    for name, task in last.tasks.items():
        earlier = [sample.tasks[name] for sample in since if name in sample.tasks]
        is_new = len(earlier) < len(since)
        sleeps = sum(one.is_asleep for one in earlier)
        if is_new or task.ticks - earlier[0].ticks > MOST_TICKS or sleeps <= len(earlier) / 2:
            return False
    return True


def _tasks_below(supervisors: Sequence[int]) -> dict[int, Task]:
    """Return the threads of all processes below these, by their ids; none where they are unknown."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):  # not on Linux
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    children.setdefault(int(_fields(folder / "stat")[1]), []).append(int(folder.name))
    found: dict[int, Task] = {}
    waiting = list(supervisors)
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError, IndexError):
                    fields = _fields(task / "stat")
                    found[int(task.name)] = Task(fields[0] in b"SZTtX", int(fields[11]) + int(fields[12]))
    return found


def _fields(stat: Path) -> list[bytes]:
    """Return the fields of a process's status after its name: state, parent, …, user time, system time (proc(5))."""
    return stat.read_bytes().rpartition(b")")[2].split()
