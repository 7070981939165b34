"""Disks, folders and mounts on which a file store cannot keep its promise: nothing is sent, and the cause is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from client.strict_trakt import StrictTrakt
from stores.children import in_child
from traktauth import App, Trakt
from traktauth.client.account_config import AccountConfig
from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Token
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.file.atomic_file import NotDurable
from traktauth.stores.file.store import FileStore
from traktauth.stores.open import open_store
from traktauth.testing.store_contract.base import LOGIN, pair, pending_refresh
from traktauth.timeouts import LEASE, REQUEST_TIMEOUT

NOBODY = 65534
ROOT = os.geteuid() == 0


@pytest.fixture
def trakt():
    server = StrictTrakt()
    yield server
    server.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def strace():
    """Return the words that start strace so that calls on one path alone fail."""
    if shutil.which("strace") is None:
        pytest.skip("the program strace is absent")
    if subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")

    def words(path, *injected):
        return ["strace", "-f", "-o", os.devnull, "-P", str(path), *(f"--inject={each}" for each in injected)]

    return words


@pytest.fixture(scope="module")
def namespace():
    """Return the words that start a program that mounts something where no other program sees it."""
    words = ["unshare", "--mount", "--propagation", "private"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here: needs unshare, root and CAP_SYS_ADMIN")
    return words


class Program:
    """The command, over a file store with a token that has expired."""

    def __init__(self, trakt, path, kind="file"):
        self.trakt, self.path, self.kind = trakt, path, kind
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "TRAKTAUTH_", "XDG_"))}
        self.env = {
            **kept,
            "HOME": str(path.parent),
            "TRAKTAUTH_SERVICE": trakt.base,
            "TRAKTAUTH_STORE": f"{kind}:{path}",
            "TRAKTAUTH_CLIENT_ID": "client-id",
            "TRAKTAUTH_CLIENT_SECRET": "secret-canary",
            "TRAKTAUTH_REDIRECT_URI": "http://127.0.0.1:9876/callback",
        }
        self.login = LoginKey(trakt.base, "client-id", "default")

    def keep_expired(self):
        issued = self.trakt.pair()
        token = Token(
            issued["access_token"], refresh_token=issued["refresh_token"], expires_in=60, expires_at=60.0, generation=1
        )
        with closing(self.store()) as store:
            assert store.apply(self.login, SaveToken(token, after=0, at=1.0))

    def store(self):
        return open_store(f"{self.kind}:{self.path}")

    def __call__(self, *words, within=(), env=()):
        command = [*within, sys.executable, "-m", "traktauth", *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**self.env, **dict(env)}, timeout=60
        )

    def doctor(self, within=()):
        """Return the level, message and hint of each finding about the store."""
        found = json.loads(self("doctor", "--json", within=within).stdout)["findings"]
        return [(each["level"], each["message"], each["hint"]) for each in found if each["about"] == "store"]


@pytest.fixture
def program(trakt, folder):
    program = Program(trakt, folder / "tokens.json")
    program.keep_expired()
    return program


# ---------------------------------------------------------------- a folder that cannot be synced
@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "message"),
    [("fsync:error=EBADF", "Bad file descriptor"), ("fsync:error=EIO", "Input/output error")],
)
def test_nothing_is_sent_or_counted_over_a_folder_that_cannot_be_synced(program, folder, trakt, strace, call, message):
    broken = strace(folder, call)
    for _ in range(4):
        done = program("token", within=broken)
        assert done.returncode == 1
        assert f"The folder {folder} cannot be synced to the disk: {message}" in done.stderr
    assert trakt.refreshes == []
    assert program.store().load(program.login).pending_refresh is None
    assert [each for each in folder.iterdir() if each.suffix not in {".json", ".lock"}] == []
    found = [(level, text) for level, text, _ in program.doctor(broken)]
    assert ("wrong", f"The folder {folder} cannot be synced to the disk: {message}") in found
    done = program("token")
    assert (done.returncode, len(trakt.refreshes), trakt.killed) == (0, 1, 0)


@pytest.mark.skipif(not ROOT, reason="needs root, to become a user without root's rights")
def test_a_folder_that_its_user_may_not_read_is_found_before_anything_is_changed():
    folder = Path(tempfile.mkdtemp())
    path = folder / "tokens.json"
    try:
        os.chown(folder, NOBODY, NOBODY)
        in_child(lambda: FileStore(str(path)).apply(LOGIN, SaveToken(pair(1), after=0, at=1.0)), uid=NOBODY)
        folder.chmod(0o300)

        def begin():
            try:
                FileStore(str(path)).apply(LOGIN, BeginRefresh(pending_refresh(1)))
            except StoreFailed as error:
                return error.message, error.hint
            return None

        message, hint = in_child(begin, uid=NOBODY)
        assert message == f"The folder {folder} cannot be synced to the disk: Permission denied"
        assert hint.startswith(f"Let yourself read the folder: chmod u+r {folder}")
        assert in_child(lambda: FileStore(str(path)).load(LOGIN).pending_refresh is None, uid=NOBODY)
        with pytest.raises(StoreFailed, match="cannot be synced"):
            in_child(lambda: FileStore(str(path)).check_writable(), uid=NOBODY)
        folder.chmod(0o700)
        assert in_child(lambda: FileStore(str(path)).apply(LOGIN, BeginRefresh(pending_refresh(1))), uid=NOBODY)
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


VERBS = """
import sys
from traktauth import App, Trakt
from traktauth.client.account_config import AccountConfig
from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, PendingRefresh, Sender, Token
from traktauth.models.changes import BeginRefresh, SaveToken
from traktauth.stores.file.store import FileStore

store, login = FileStore(sys.argv[1]), LoginKey("trakt", "app", "default")
try:
    if sys.argv[2] == "begin":
        print(store.apply(login, BeginRefresh(PendingRefresh(1, 1, 1.0, Sender("here", 1)))))
    else:
        token = Token("access-2", refresh_token="refresh-2", generation=2)
        print(store.apply(login, SaveToken(token, after=1, at=1.0)))
except StoreFailed as error:
    print(type(error).__name__)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["2", "2+"])
@pytest.mark.parametrize(("verb", "kept"), [("begin", pair(1)), ("save", "access-2")])
def test_a_sync_that_fails_after_the_rename_undoes_a_begin_and_keeps_a_save(folder, strace, verb, kept, when):
    """The right to send is not given by a begin that is reported as failed; a new token is the only valid one."""
    path = folder / "tokens.json"
    store = FileStore(str(path))
    assert store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    within = strace(folder, f"fsync:error=EIO:when={when}")
    done = subprocess.run(
        [*within, sys.executable, "-c", VERBS, path, verb], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{NotDurable.__name__}\n"
    record = store.load(LOGIN)
    assert record.pending_refresh is None
    assert kept in (record.token, record.token.access_token)
    assert list(folder.glob("*.spare")) == []


# ---------------------------------------------------------------- a file that is mounted
MOUNTED = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


@pytest.mark.slow
def test_a_file_that_is_mounted_alone_is_found_before_anything_is_sent(trakt, folder, tmp_path, namespace):
    """As `docker run --volume tokens.json:…` does: it can be written, and not replaced."""
    host = tmp_path / "host.json"
    program = Program(trakt, host)
    program.keep_expired()
    before = host.read_bytes()
    program.path = folder / "tokens.json"
    program.env["TRAKTAUTH_STORE"] = f"file:{program.path}"
    program.path.touch(0o600)
    within = [*namespace, "sh", "-c", MOUNTED, "sh", host, program.path]
    message = f"{program.path} is mounted as a single file and cannot be replaced; mount the folder instead"
    for words in (["token"], ["refresh"]):
        done = program(*words, within=within)
        assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    found = program.doctor(within)
    assert ("wrong", message, f"In a container, mount the folder that holds it: --volume FOLDER:{folder}") in found
    assert not any("succeeded" in text for _, text, _ in found)
    done = program("login", "--paste", within=within)
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert "oauth/authorize" not in done.stdout + done.stderr  # before the user is asked for anything
    assert trakt.refreshes == []
    assert host.read_bytes() == before
    assert {each.name for each in folder.iterdir() if each.suffix != ".lock"} == {"tokens.json"}


def test_a_check_replaces_the_real_file_by_itself(folder):
    path = folder / "tokens.json"
    store = FileStore(str(path))
    store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    content, inode = path.read_bytes(), path.stat().st_ino
    store.check_writable()
    assert path.read_bytes() == content
    assert path.stat().st_ino != inode
    assert {each.name for each in folder.iterdir()} == {"tokens.json", "tokens.json.lock"}


@pytest.mark.slow
@pytest.mark.parametrize("words", [["token"], ["doctor"]])
def test_a_file_system_that_is_read_only_is_named_and_nothing_is_sent(program, folder, trakt, namespace, words):
    read_only = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    done = program(*words, within=[*namespace, "sh", "-c", read_only, "sh", folder])
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr + done.stdout
    assert trakt.refreshes == []
    assert program.store().load(program.login).pending_refresh is None


# ---------------------------------------------------------------- a slow disk
def test_a_disk_that_takes_seconds_to_sync_does_not_keep_a_refresh_from_being_sent(program, trakt, monkeypatch):
    """The lock of a file store lasts until it is released, so a write may take as long as it likes."""
    now, fsync = [0.0], os.fsync

    def slow(descriptor):
        now[0] += 4.0
        fsync(descriptor)

    app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")
    config = AccountConfig(app, service=trakt.base, monotonic=lambda: now[0])
    with Trakt(app, service=trakt.base, store=program.store()) as client:
        client._use(config, client._origin, client._http_clients, owner=True)
        monkeypatch.setattr(os, "fsync", slow)
        assert client.token().generation == 2
    assert now[0] > LEASE - REQUEST_TIMEOUT, "slower than a lease would allow"
    assert (len(trakt.refreshes), trakt.killed) == (1, 0)
    assert program.store().load(program.login).generation == 2
