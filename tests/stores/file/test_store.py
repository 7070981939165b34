"""The file store's own claims: its modes, its links, its damage, its disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from stores.children import fork, in_child
from support.own_thread import replace_in_this_thread
from traktauth.errors import StoreFailed
from traktauth.models import Record
from traktauth.models.changes import BeginRefresh, CancelRefresh, DeleteToken, SaveToken, SetRefreshable
from traktauth.stores.file import atomic_file
from traktauth.stores.file.store import FileStore
from traktauth.testing.store_contract.base import LOGIN, OTHERS, pair, pending_refresh

OTHER = OTHERS[0]
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def store(path):
    store = FileStore(str(path))
    assert store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    return store


@pytest.fixture
def shared_folder():
    """A folder that another user can enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 kB of our own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", disk], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("no small disk can be mounted here: needs root and CAP_SYS_ADMIN")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    """Take the last byte of a disk."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            with pytest.raises(OSError, match="No space left"):
                write_for_ever(file, bytes(size))


def write_for_ever(file, content):
    while True:
        file.write(content)


# ---------------------------------------------------------------- modes and folders
def test_the_file_and_its_neighbours_are_for_its_user_alone(store, path):
    store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    with store.lock(LOGIN, 0.0):
        modes = {each.name: mode(each) for each in path.parent.iterdir()}
    assert len(modes) == 4  # the file, its lock, the login's lock, the spare
    assert set(modes.values()) == {0o600}


def test_folders_that_we_make_are_for_their_user_alone(tmp_path):
    path = tmp_path / "new" / "newer" / "tokens.json"
    FileStore(str(path)).apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    assert (mode(tmp_path / "new"), mode(tmp_path / "new" / "newer")) == (0o700, 0o700)


def test_a_folder_that_exists_is_left_as_it_is(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    FileStore(str(folder / "tokens.json")).apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    assert mode(folder) == 0o755


def test_reading_a_store_creates_nothing(tmp_path):
    store = FileStore(str(tmp_path / "new" / "tokens.json"))
    assert store.load(LOGIN) == Record()
    assert store.list_logins() == []
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- links, and other things than files
def test_a_store_behind_a_link_and_its_target_share_one_lock(tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to("tokens.json")
    one, two = FileStore(str(link)), FileStore(str(tmp_path / "tokens.json"))
    assert one.identity == two.identity
    with one.lock(LOGIN, 0.0), two.lock(LOGIN, 0.0) as held:
        assert not held


@needs_root
@pytest.mark.parametrize("whose", ["file", "link", "target"])
def test_a_file_or_link_of_another_user_is_refused(tmp_path, whose):
    path = tmp_path / "tokens.json"
    real = path if whose == "file" else tmp_path / "real.json"
    assert FileStore(str(real)).apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    if whose != "file":
        path.symlink_to(real)
    os.chown(real if whose == "target" else path, NOBODY, NOBODY, follow_symlinks=False)
    before = real.read_bytes()
    store = FileStore(str(path))
    for work in (
        lambda: store.load(LOGIN),
        lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)),
        store.check_writable,
    ):
        with pytest.raises(StoreFailed, match="belongs to another user") as caught:
            work()
        assert "(nobody)" in caught.value.message
        assert "--store file:/PATH.json" in caught.value.hint
        assert whose == "link" or f"sudo chown {os.geteuid()} {real}. " in caught.value.hint
    assert real.read_bytes() == before


@needs_root
@pytest.mark.parametrize("plant", ["another user's file", "a link", "a file that others may read", "a second name"])
def test_a_spare_that_another_user_put_there_is_not_written_to(store, path, tmp_path, plant):
    store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    [spare] = path.parent.glob("*.spare")
    spare.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(0o600)
    if plant == "a link":
        spare.symlink_to(elsewhere)
    elif plant == "a second name":
        os.link(elsewhere, spare)
    else:
        spare.touch()
        spare.chmod(0o644 if plant == "a file that others may read" else 0o600)
        if plant == "another user's file":
            os.chown(spare, NOBODY, NOBODY)
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert elsewhere.read_bytes() == b""
    assert (path.stat().st_uid, mode(path)) == (0, 0o600)
    assert FileStore(str(path)).load(LOGIN).token == pair(2)


@pytest.mark.parametrize("loose", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_have_written_is_refused(store, path, loose):
    """Also by a store that has read it before."""
    content = path.read_bytes()
    os.utime(path, (1, 1))  # long ago, so that the file is known
    store.load(LOGIN)
    path.chmod(loose)
    for each in (store, FileStore(str(path))):
        assert each.peek(LOGIN) is None
        for work in (
            lambda each=each: each.load(LOGIN),
            each.list_logins,
            each.check_writable,
            lambda each=each: each.apply(LOGIN, BeginRefresh(pending_refresh(1))),
        ):
            with pytest.raises(StoreFailed, match="Other users can write") as caught:
                work()
            assert f"chmod 600 {path}" in caught.value.hint
    assert (path.read_bytes(), mode(path)) == (content, loose)
    path.chmod(0o600)
    assert store.load(LOGIN).token == pair(1)


def test_a_file_that_others_could_read_is_closed_to_them_with_a_warning(store, path, caplog):
    path.chmod(0o644)
    assert FileStore(str(path)).load(LOGIN).token == pair(1)
    assert mode(path) == 0o600
    assert [each.message for each in caplog.records] == [f"Other users could read {path}; its mode is set to 600"]


@needs_root
def test_a_file_that_is_swapped_after_the_look_is_refused(store, path, monkeypatch):
    """Its owner is asked of the open file, not of its name."""
    theirs = path.with_suffix(".theirs")
    shutil.copy(path, theirs)
    os.chown(theirs, NOBODY, NOBODY)
    theirs.chmod(0o600)
    real = os.open

    def swapping(name, *arguments, **named):
        if name == str(path):
            theirs.rename(path)
        return real(name, *arguments, **named)

    replace_in_this_thread(monkeypatch, os, "open", swapping)
    with pytest.raises(StoreFailed, match="belongs to another user"):
        FileStore(str(path)).load(LOGIN)


def test_a_home_that_is_a_link_and_moves_goes_on_working(tmp_path):
    """Links are followed to the folder; only the file itself must be the one that was looked at."""
    (tmp_path / "disk1").mkdir()
    home = tmp_path / "home"
    home.symlink_to("disk1")
    store = FileStore(str(home / "tokens.json"))
    assert store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    shutil.copytree(tmp_path / "disk1", tmp_path / "disk2")
    home.unlink()
    home.symlink_to("disk2")
    shutil.rmtree(tmp_path / "disk1")
    with store.lock(LOGIN, 0.0) as held:
        assert held
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert FileStore(str(tmp_path / "disk2" / "tokens.json")).load(LOGIN).token == pair(2)


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_only_a_regular_file_is_accepted(path, kind):
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    store = FileStore(str(path))
    for work in (
        lambda: store.load(LOGIN),
        lambda: store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0)),
        store.check_writable,
    ):
        with pytest.raises(StoreFailed, match=r"is a directory|is not a regular file"):
            work()


# ---------------------------------------------------------------- damage
DAMAGED = {
    "empty": b"",
    "truncated": b'{"format": 3, "logins": [{"format": 1, "realm": "tra',
    "binary": bytes(range(256)),
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "a text": b'"hello"',
    "another program's": b'{"access_token": "x"}',
    "another program's format": b'{"format": "yaml", "logins": []}',
    "a format without logins": b'{"format": 3}',
    "logins that are no list": b'{"format": 3, "logins": {"a": "b"}}',
    "a true format": b'{"format": true, "logins": []}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_or_foreign_file_is_reported_and_never_overwritten(path, content):
    path.write_bytes(content)
    store = FileStore(str(path))
    for work in (
        lambda: store.load(LOGIN),
        store.list_logins,
        lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1))),
        lambda: store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0)),
        lambda: store.apply(LOGIN, SetRefreshable(1, "why")),
        lambda: store.apply(LOGIN, DeleteToken(0)),
    ):
        with pytest.raises(StoreFailed, match="damaged, or another program's; it is left as it is"):
            work()
    assert path.read_bytes() == content


@pytest.mark.parametrize("more", [{"logins": []}, {"accounts": {}}])
def test_a_later_versions_file_is_left_as_it_is(path, more):
    content = json.dumps({"format": 4, **more})
    path.write_text(content)
    with pytest.raises(StoreFailed, match="has the format 4; this version of traktauth reads format 3"):
        FileStore(str(path)).apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    assert path.read_text() == content


def entry(login, **members):
    return {
        "format": 3,
        "realm": login.realm,
        "client_id": login.client_id,
        "account": login.account,
        "generation": 1,
        "token": {"access_token": "a", "refresh_token": "r", "expires_in": 60, "expires_at": 1.0, "generation": 1},
        "refreshable": True,
        "not_refreshable_reason": None,
        "pending_refresh": None,
        "moved_to": None,
        "history": [],
        "saved_at": 1.0,
        "digests": {"placeholders": [], "access_tokens": [], "refresh_tokens": [], "user": None},
    } | members


def test_a_damaged_entry_is_reported_and_hides_no_other(path):
    broken = entry(OTHER, token={"access_token": 7})
    path.write_text(json.dumps({"format": 3, "logins": [broken, entry(LOGIN)]}))
    store = FileStore(str(path))
    assert store.load(LOGIN).token is not None
    assert store.list_logins() == [LOGIN, OTHER]
    with pytest.raises(StoreFailed, match="damaged; it is left as it is"):
        store.load(OTHER)
    with pytest.raises(StoreFailed, match="damaged"):
        store.apply(OTHER, SaveToken(pair(2), after=1, at=1.0))
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert broken in json.loads(path.read_text())["logins"]


@pytest.mark.parametrize("stray", [7, "text", None, ["list"], {}, {"realm": "trakt", "client_id": 1, "account": "x"}])
def test_an_entry_that_names_no_login_is_kept_and_hides_no_other(path, stray):
    path.write_text(json.dumps({"format": 3, "logins": [stray, entry(LOGIN)]}))
    store = FileStore(str(path))
    assert store.load(LOGIN).token is not None
    assert store.list_logins() == [LOGIN]
    (warned,) = store.durability_warnings()
    assert warned.startswith("A record names no login and is left as found: restore")
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert stray in json.loads(path.read_text())["logins"]
    with pytest.raises(StoreFailed, match="damaged entry that may be this login's"):
        store.load(OTHER)


# ---------------------------------------------------------------- a disk that cannot be written, or is full
@needs_root
def test_valid_tokens_are_served_from_a_folder_that_cannot_be_written(shared_folder):
    path = shared_folder / "tokens.json"

    def make():
        assert FileStore(str(path)).apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))

    def use():
        store = FileStore(str(path))
        token = store.load(LOGIN).token
        failures = []
        for work in (
            lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)),
            lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1))),
            store.check_writable,
            lambda: store.lock(OTHER, 0.0).__enter__(),
        ):
            try:
                work()
            except StoreFailed as error:
                failures.append(error.message)
        return token, failures

    shared_folder.chmod(0o777)
    in_child(make, uid=NOBODY)
    shared_folder.chmod(0o755)
    token, failures = in_child(use, uid=NOBODY)
    assert token == pair(1)
    assert len(failures) == 4
    assert all("Permission denied" in message for message in failures)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["save", "mark"])
def test_a_refresh_that_began_is_saved_although_the_disk_is_full(small_disk, verb):
    path = small_disk / "tokens.json"
    store = FileStore(str(path))
    for number in range(20):
        store.apply(replace(OTHER, account=str(number)), SaveToken(pair(1), after=0, at=1.0))
    store.apply(LOGIN, SaveToken(pair(1), after=0, at=1.0))
    with store.lock(LOGIN, 0.0):
        assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        fill(small_disk)
        with pytest.raises(StoreFailed, match="No space left"):
            store.apply(OTHER, SaveToken(pair(1), after=0, at=1.0))  # who has not begun has no room
        if verb == "save":
            large = replace(pair(2), access_token="a" * 4000, refresh_token="r" * 4000)
            assert store.apply(LOGIN, SaveToken(large, after=1, at=1.0))
            assert FileStore(str(path)).load(LOGIN).token == large
        else:
            store.apply(LOGIN, SetRefreshable(1, "Trakt refused it"))
            assert FileStore(str(path)).load(LOGIN).not_refreshable_reason == "Trakt refused it"


def test_the_reserved_space_is_removed_when_the_refresh_ends(store, path):
    store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    assert len(list(path.parent.glob("*.spare"))) == 1
    store.apply(LOGIN, CancelRefresh(pending_refresh(1), None))
    assert list(path.parent.glob("*.spare")) == []
    store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
    store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
    assert list(path.parent.glob("*.spare")) == []


@pytest.mark.parametrize("verb", ["forget", "begin", "save"])
def test_files_of_a_killed_program_are_removed_by_the_next_write(store, path, verb):
    """It may hold the tokens of every account; a refresh that is under way keeps its own."""
    under_way = replace(LOGIN, account="third")
    for login in (OTHER, under_way):
        store.apply(login, SaveToken(pair(1), after=0, at=1.0))
        assert store.apply(login, BeginRefresh(pending_refresh(1)))
    spares = {login: Path(store._beside(login, "spare")) for login in (OTHER, under_way)}
    spares[OTHER].write_bytes(path.read_bytes())
    leftovers = [path.parent / f"{path.name}.{kind}" for kind in ("new", "trial", "check")]
    for leftover in leftovers:
        leftover.write_bytes(path.read_bytes())
    with FileStore(str(path)).lock(under_way, 0.0):
        if verb == "forget":
            store.apply(LOGIN, DeleteToken(1))
        elif verb == "begin":
            assert store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        else:
            assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
        assert not any(leftover.exists() for leftover in (spares[OTHER], *leftovers))
        assert spares[under_way].exists()


def test_a_sign_out_leaves_no_byte_of_its_tokens_beside_those_of_others(store, path):
    store.apply(OTHER, SaveToken(pair(7), after=0, at=1.0))
    with store.lock(LOGIN, 0.0):
        store.apply(LOGIN, BeginRefresh(pending_refresh(1)))
        store.apply(LOGIN, DeleteToken(1))
    for file in path.parent.iterdir():
        assert b"access-1" not in file.read_bytes()
    assert {each.name for each in path.parent.iterdir() if each.suffix != ".lock"} == {"tokens.json"}
    assert all(each.read_bytes() == b"" for each in path.parent.glob("*.lock"))


# ---------------------------------------------------------------- what error reporters see
@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("begin", "posix_fallocate"),
        ("begin", "rename"),
        ("begin", "open"),
        ("save", "write"),
        ("save", "open"),
        ("mark", "fsync"),
        ("forget", "ftruncate"),
        ("check", "open"),
    ],
)
def test_no_local_variable_of_a_failing_write_shows_a_token(store, path, monkeypatch, verb, call):
    def broken(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    store.apply(OTHER, SaveToken(pair(7), after=0, at=1.0))
    work = {
        "begin": lambda: store.apply(LOGIN, BeginRefresh(pending_refresh(1))),
        "save": lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0)),
        "mark": lambda: store.apply(LOGIN, SetRefreshable(1, "why")),
        "forget": lambda: store.apply(LOGIN, DeleteToken(1)),
        "check": store.check_writable,
    }[verb]
    replace_in_this_thread(monkeypatch, os, call, broken)
    with pytest.raises(StoreFailed) as caught:
        work()
    monkeypatch.undo()
    shown = shown_with_locals(caught.value)
    assert "file/store.py" in shown
    assert "access-" not in shown
    assert "refresh-" not in shown


@pytest.mark.parametrize(
    "content", [b'{"format": 3, "logins": [{"access_token": "access-1"}]}', b'["access-1"]', b"{access-1"]
)
def test_no_local_variable_shows_what_a_damaged_file_holds(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreFailed) as caught:
        FileStore(str(path)).load(LOGIN)
    assert "access-1" not in shown_with_locals(caught.value)


def test_no_local_variable_shows_a_damaged_record(path):
    path.write_text(json.dumps({"format": 3, "logins": [entry(LOGIN, generation="access-1")]}))
    path.chmod(0o600)
    store = FileStore(str(path))
    for work in (lambda: store.load(LOGIN), lambda: store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))):
        with pytest.raises(StoreFailed, match="damaged") as caught:
            work()
        shown = shown_with_locals(caught.value)
        assert "access-1" not in shown
        assert "'refresh_token'" not in shown


def shown_with_locals(error):
    """What an error reporter shows of an error: every frame of it and of its causes, with local variables."""
    while "/tests/" in error.__traceback__.tb_frame.f_code.co_filename:  # a test's own frame shows what it put in
        error = error.with_traceback(error.__traceback__.tb_next)
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


# ---------------------------------------------------------------- a disk that fails
def test_a_disk_that_fails_leaves_the_old_file(store, path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    before = path.read_bytes()
    for name in ("write", "fsync", "ftruncate"):
        with monkeypatch.context() as patch:
            replace_in_this_thread(patch, os, name, broken)
            with pytest.raises(StoreFailed, match="Input/output error") as caught:
                store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
        assert "access-2" not in str(caught.value)
        assert path.read_bytes() == before
        assert list(path.parent.glob("*.new")) == []


# ---------------------------------------------------------------- others at the same file
def test_two_writes_within_one_tick_of_the_clock_are_distinguished(store, path):
    """Same size, same inode, same time: what has just been written is not taken for known."""
    content = path.read_bytes()
    now = time.time_ns() + 3600_000_000_000  # as long as this test may take
    os.utime(path, ns=(now, now))
    store.load(LOGIN)
    status = path.stat()
    with path.open("r+b") as file:
        file.write(content.replace(b"access-1", b"access-X"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.load(LOGIN).token.access_token == "access-X"


def test_several_accounts_refresh_at_the_same_time(path):
    logins = [replace(LOGIN, account=str(number)) for number in range(8)]
    for login in logins:
        FileStore(str(path)).apply(login, SaveToken(pair(1), after=0, at=1.0))

    def renew(login):
        store = FileStore(str(path))
        for generation in range(1, 6):
            with store.lock(login, 10.0) as held:
                assert held
                assert store.apply(login, BeginRefresh(pending_refresh(generation)))
                assert store.apply(login, SaveToken(pair(generation + 1), after=generation, at=1.0))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(renew, logins))
    store = FileStore(str(path))
    assert [store.load(login).token for login in logins] == [pair(6)] * 8


def test_a_writer_that_hangs_is_reported(store, path, monkeypatch):
    monkeypatch.setattr("traktauth.stores.file.file_lock.WRITE_TIMEOUT", 0.05)
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        with FileStore(str(path))._writing():
            os.write(writing, b"!")
            signal.pause()
    os.read(reading, 1)
    try:
        with pytest.raises(StoreFailed, match="being written by another program"):
            store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))
        assert store.load(LOGIN).token == pair(1)  # no reader waits
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
    assert store.apply(LOGIN, SaveToken(pair(2), after=1, at=1.0))


def test_a_signal_handler_does_not_wait_for_the_write_that_it_interrupted(store, path, monkeypatch):
    real, outcomes = atomic_file.replace, []

    def handle(*_):
        with pytest.raises(StoreFailed, match="this signal handler interrupted"):
            store.apply(LOGIN, SaveToken(pair(3), 2, 3.0))
        outcomes.append("refused")

    def interrupted(*arguments, **options):
        monkeypatch.setattr(atomic_file, "replace", real)
        signal.raise_signal(signal.SIGUSR1)
        real(*arguments, **options)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        monkeypatch.setattr(atomic_file, "replace", interrupted)
        assert store.apply(LOGIN, SaveToken(pair(2), 1, 2.0))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert outcomes == ["refused"]
    assert store.apply(LOGIN, SaveToken(pair(3), 2, 3.0))  # afterwards nothing is held
