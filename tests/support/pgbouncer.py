"""A pgbouncer of the tests' own, before a PostgreSQL of theirs."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from .engines import Missing
from .postgres import PASSWORD, READY_WITHIN, USER, PostgresServer, unprivileged_user
from .process import NotReady, free_port
from .tether import tethered

if TYPE_CHECKING:
    from collections.abc import Generator

CONFIG = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
max_prepared_statements = {prepared}
default_pool_size = {size}
"""


@contextlib.contextmanager
def pgbouncer(server: PostgresServer, mode: str, *, prepared: int = 200, size: int = 3) -> Generator[str]:
    """Run a pgbouncer in a pool mode; the value is the address of an empty database behind it.

    Args:
        server: the PostgreSQL behind it.
        mode: `session`, `transaction` or `statement`.
        prepared: how many prepared statements it keeps track of; 0 for none, as before version 1.22.
        size: how many connections to the server it shares among its clients.

    Raises:
        Missing: pgbouncer is not on this machine.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise Missing("the program pgbouncer is absent")
    database, port, who = f"d{os.urandom(6).hex()}", free_port(), unprivileged_user()
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    folder = Path(tempfile.mkdtemp(prefix="traktauth-pgbouncer-"))
    files = {
        "users": f'"{USER}" "{PASSWORD}"\n',
        "config": CONFIG.format(server=server.port, port=port, folder=folder, mode=mode, prepared=prepared, size=size),
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    for path in (folder, *folder.iterdir()):
        if who:
            os.chown(path, who["user"], who["group"])
    with (folder / "log").open("wb") as log:
        command = tethered(program, str(folder / "config"))
        process = subprocess.Popen(command, **who, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _await(process, port, folder / "log")
        yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _await(process: subprocess.Popen[Any], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return
        time.sleep(0.05)
    raise NotReady(log.read_text()[-2000:])
