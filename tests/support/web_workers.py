"""Workers of the examples that are forks of one process, so that their libraries are imported once.

This file is that process, too. It reads orders from its stdin, a JSON object a line: `{"command", "env", "log"}` forks
a worker, which then runs the example's own command; `{"poll"}` looks whether one has ended. It starts no thread and
opens no connection before it forks. With `SECONDS_AHEAD` in its environment, a worker's clock is ahead.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

PRELOADED = (
    "anyio._backends._asyncio",
    "authlib.integrations.starlette_client",
    "django.contrib.messages.middleware",
    "django.contrib.sessions.middleware",
    "django.core.cache.backends.locmem",
    "django.core.management.commands.makemigrations",
    "django.core.management.commands.migrate",
    "django.core.management.commands.runserver",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.writer",
    "django.db.models.sql.compiler",
    "django.forms",
    "django.middleware.csrf",
    "django.shortcuts",
    "django.template.backends.django",
    "django.utils.translation.reloader",
    "django.views.decorators.http",
    "django.views.defaults",
    "fastapi.templating",
    "flask.cli",
    "httpcore2",
    "httpx2",
    "itsdangerous",
    "jinja2",
    "openid.consumer.discover",
    "social_core.actions",
    "social_core.backends.legacy",
    "social_core.backends.oauth",
    "social_core.storage",
    "social_core.strategy",
    "starlette.applications",
    "starlette.middleware.exceptions",
    "starlette.middleware.sessions",
    "starlette.templating",
    "traktauth.client.http_exchange",
    "traktauth.stores.database.async_store",
    "traktauth.stores.encryption",
    "traktauth.stores.postgres.database",
    "traktauth.stores.text_store",
    "traktauth.web.authlib",
    "traktauth.web.flask",
    "traktauth.web.starlette",
    "truststore",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.main",
    "uvicorn.protocols.http.httptools_impl",
)
"""What takes long to import in the examples and reads no settings at its import."""


_time = time.time


class Workers:
    """The process that forks; each worker ends with it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],  # not beside this folder's modules, which are named like libraries
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "default"},
            start_new_session=True,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def start(self, command: list[str], *, log: Path, env: dict[str, str]) -> Worker:
        """Fork a worker that runs a command of Python: `[sys.executable, "-m", "flask", …]` or a file."""
        return Worker(self, self.order(command=command[1:], log=str(log), env=env))

    def order(self, **order: Any) -> Any:
        """Send an order, and return the answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class Worker:
    """A forked worker, with what `support.process.Server` needs of `subprocess.Popen`."""

    def __init__(self, workers: Workers, pid: int) -> None:
        self.pid = pid
        self._workers = workers
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        if self._status is None:
            self._status = self._workers.order(poll=self.pid)
        return self._status

    def wait(self, timeout: float = 60.0) -> int:
        """Return the exit status once it has ended.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return status


def main() -> None:
    """Carry out orders until stdin ends."""
    time.time = clock  # before any module takes it as a default
    for name in PRELOADED:
        with suppress(ImportError):  # another version of the library
            importlib.import_module(name)
    running = set[int]()
    for line in sys.stdin:
        order = json.loads(line)
        if "command" in order:
            answer: int | None = os.fork()
            if answer == 0:
                run(**order)
                return
            running.add(answer)
        else:
            found, status = os.waitpid(order["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if found else None
            running -= {found}
        print(json.dumps(answer), flush=True)
    for pid in running:
        os.killpg(pid, signal.SIGKILL)


def clock() -> float:
    """Return the time, in a worker that is ahead of it as well."""
    return _time() + float(os.environ.get("SECONDS_AHEAD", "0"))


def run(command: list[str], env: dict[str, str], log: str) -> None:
    """Become a worker: a process group and streams of its own, then the command as Python runs it."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, descriptor)
    os.environ.update(env)
    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        sys.path.insert(0, os.path.dirname(command[0]))  # noqa: PTH120 - as Python itself does
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main()
