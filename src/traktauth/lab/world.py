"""A world for one scenario: a local Trakt, a sandbox, a home folder, the program's login and a second device."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from traktauth.client.oauth_api import AuthenticationOAuthApi
from traktauth.errors import TraktAuthError
from traktauth.interception.command_process import NOT_EXECUTABLE, NOT_FOUND, CommandProcess
from traktauth.interception.environment import make_home
from traktauth.lab.program_output import OutputEnd
from traktauth.lab.race import wait_until_all_wait
from traktauth.lab.traffic import Traffic
from traktauth.models import Token
from traktauth.sandbox import Sandbox
from traktauth.sandbox.advice import advise
from traktauth.sandbox.logins import LoginPlace
from traktauth.sandbox.sandbox import PUBLIC_URL
from traktauth.testing.local import LocalTrakt


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


USER = "sean"
TIMED_OUT = 124
AGING_SECONDS = 300
"""That an *aging* access token is still valid for."""
EXPIRED_SECONDS = 60
"""For which an *expired* access token has been expired."""
SETUP_LIFE_SECONDS = 2
"""That the access token of a `--setup` is valid for, if it is to have expired."""
NOT_STARTED = {NOT_FOUND: "the program is not found", NOT_EXECUTABLE: "the program cannot be executed"}
LONGEST_BACKOFF, BACKOFF_SECONDS = 30.0, 2.0
"""For which, and how often, a program whose login has not been touched is run again."""


@dataclass(frozen=True, slots=True)
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
        seed: apps and users of the local Trakt; None: a demo app.
        responses: further responses of the API; None: none.
    """

    command: tuple[str, ...]
    login: LoginPlace | None
    setup: str | None
    home: Path | None
    timeout: float
    profile: str
    environ: Mapping[str, str]
    seed: Path | None = None
    responses: Path | None = None


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
            seed=program.seed,
            responses=program.responses,
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

    def run(self, copies: int = 1, *, together: bool = False, killed: Literal["", "refresh", "use"] = "") -> None:
        """Run the program to its end, and keep its exit statuses.

        Args:
            copies: how many at once.
            together: whether their refresh requests are held until each copy has sent one, has ended, or waits.
            killed: when it is killed: once the local Trakt has done its refresh, or when it uses the new token.

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
            kill = processes[0].kill if killed else None
            self.local.run(traffic.begin_run(together=together, kill=kill, at_use=killed == "use"))
            try:
                failed = [process.start(self._program.command, self._environ) for process in processes]
                until_the_end.enter_context(self._stop.ends(processes))
                if together:
                    running = [one for one, status in zip(processes, failed, strict=True) if status is None]
                    wait_until_all_wait(traffic, running)
                    self.local.run(traffic.open_gate())
                deadline = time.monotonic() + self._program.timeout
                for process, status in zip(processes, failed, strict=True):
                    self.exits.append(_wait(process, deadline) if status is None else status)
            finally:
                self.local.run(traffic.end_run())
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

    def advise(self) -> list[str]:
        """Return what the program was refused, and how to change that."""
        return advise(self._sandbox, self._program.command[0])

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


def _wait(process: CommandProcess, deadline: float) -> int:
    """Return the exit status of a run; one that takes too long is ended."""
    status = process.wait(max(0.0, deadline - time.monotonic()))
    if status is None:
        process.kill()
        process.wait()
        return TIMED_OUT
    return status
