"""The file store's own claims: its modes, its links, its damage, its disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from stores.children import fork, in_child, killed_at
from traktauth.errors import StoreFailed
from traktauth.models import Login, Record, Renewal, Token
from traktauth.stores.file import FileStore

LOGIN = Login("trakt", "app", "default")
OTHER = Login("trakt", "app", "second")
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")


def pair(generation):
    return Token(f"access-{generation}", refresh_token=f"refresh-{generation}", expires_in=60, generation=generation)


def renewal(generation, attempt=1):
    return Renewal(generation, attempt, 1.0, "here:1")


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def store(path):
    store = FileStore(str(path))
    assert store.save(LOGIN, pair(1), after=0, at=1.0)
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
    store.begin(LOGIN, renewal(1))
    with store.exclusive(LOGIN, 0.0):
        modes = {each.name: mode(each) for each in path.parent.iterdir()}
    assert len(modes) == 4  # the file, its lock, the login's lock, the spare
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(store, path):
    path.chmod(0o644)
    store.save(LOGIN, pair(2), after=1, at=1.0)
    assert mode(path) == 0o600


def test_folders_that_we_make_are_for_their_user_alone(tmp_path):
    path = tmp_path / "new" / "newer" / "tokens.json"
    FileStore(str(path)).save(LOGIN, pair(1), after=0, at=1.0)
    assert (mode(tmp_path / "new"), mode(tmp_path / "new" / "newer")) == (0o700, 0o700)


def test_a_folder_that_exists_is_left_as_it_is(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    FileStore(str(folder / "tokens.json")).save(LOGIN, pair(1), after=0, at=1.0)
    assert mode(folder) == 0o755


def test_looking_into_a_store_makes_nothing(tmp_path):
    store = FileStore(str(tmp_path / "new" / "tokens.json"))
    assert store.load(LOGIN) == Record()
    assert store.logins() == []
    assert list(tmp_path.iterdir()) == []


def test_a_check_leaves_no_file_but_the_lock(tmp_path):
    FileStore(str(tmp_path / "tokens.json")).check()
    assert [each.name for each in tmp_path.iterdir()] == ["tokens.json.lock"]


# ---------------------------------------------------------------- links, and what is no file
def test_a_links_target_is_replaced_in_its_own_folder(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to("real/tokens.json")
    FileStore(str(link)).save(LOGIN, pair(1), after=0, at=1.0)
    assert link.is_symlink()
    assert FileStore(str(tmp_path / "real" / "tokens.json")).load(LOGIN).token == pair(1)
    assert [each.name for each in tmp_path.iterdir() if each.is_file() and not each.is_symlink()] == []


def test_a_store_behind_a_link_and_its_target_share_one_lock(tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to("tokens.json")
    one, two = FileStore(str(link)), FileStore(str(tmp_path / "tokens.json"))
    assert one.identity == two.identity
    with one.exclusive(LOGIN, 0.0), two.exclusive(LOGIN, 0.0) as held:
        assert not held


def test_a_link_without_an_end_is_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StoreFailed, match="without an end"):
        FileStore(str(tmp_path / "a")).save(LOGIN, pair(1), after=0, at=1.0)


@needs_root
@pytest.mark.parametrize("whose", ["file", "link", "target"])
def test_what_belongs_to_another_user_is_refused(tmp_path, whose):
    path = tmp_path / "tokens.json"
    real = path if whose == "file" else tmp_path / "real.json"
    assert FileStore(str(real)).save(LOGIN, pair(1), after=0, at=1.0)
    if whose != "file":
        path.symlink_to(real)
    os.chown(real if whose == "target" else path, NOBODY, NOBODY, follow_symlinks=False)
    before = real.read_bytes()
    store = FileStore(str(path))
    for work in (lambda: store.load(LOGIN), lambda: store.save(LOGIN, pair(2), after=1, at=1.0), store.check):
        with pytest.raises(StoreFailed, match="belongs to another user") as caught:
            work()
        assert "--store file:/PATH.json" in caught.value.hint
    assert real.read_bytes() == before


@needs_root
@pytest.mark.parametrize("plant", ["another user's file", "a link", "a file that others may read", "a second name"])
def test_a_spare_that_somebody_else_put_there_is_not_written_to(store, path, tmp_path, plant):
    store.begin(LOGIN, renewal(1))
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
    assert store.save(LOGIN, pair(2), after=1, at=1.0)
    assert elsewhere.read_bytes() == b""
    assert (path.stat().st_uid, mode(path)) == (0, 0o600)
    assert FileStore(str(path)).load(LOGIN).token == pair(2)


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_what_is_no_plain_file_is_refused(path, kind):
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    store = FileStore(str(path))
    for work in (lambda: store.load(LOGIN), lambda: store.save(LOGIN, pair(1), after=0, at=1.0), store.check):
        with pytest.raises(StoreFailed, match=r"is a directory|is no plain file"):
            work()


def test_a_file_in_the_place_of_a_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("here")
    store = FileStore(str(tmp_path / "file" / "tokens.json"))
    for work in (lambda: store.load(LOGIN), store.check):
        with pytest.raises(StoreFailed, match="cannot be"):
            work()


# ---------------------------------------------------------------- damage
DAMAGED = {
    "empty": b"",
    "truncated": b'{"format": 1, "logins": [{"format": 1, "realm": "tra',
    "binary": bytes(range(256)),
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "a text": b'"hello"',
    "another program's": b'{"access_token": "x"}',
    "another program's format": b'{"format": "yaml", "logins": []}',
    "a format without logins": b'{"format": 1}',
    "logins that are no list": b'{"format": 1, "logins": {"a": "b"}}',
    "a true format": b'{"format": true, "logins": []}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_or_foreign_file_is_reported_and_never_overwritten(path, content):
    path.write_bytes(content)
    store = FileStore(str(path))
    for work in (
        lambda: store.load(LOGIN),
        store.logins,
        lambda: store.begin(LOGIN, renewal(1)),
        lambda: store.save(LOGIN, pair(1), after=0, at=1.0),
        lambda: store.mark(LOGIN, 1, "why"),
        lambda: store.forget(LOGIN, 0),
    ):
        with pytest.raises(StoreFailed, match="damaged, or another program's; it is left as it is"):
            work()
    assert path.read_bytes() == content


@pytest.mark.parametrize("more", [{"logins": []}, {"accounts": {}}])
def test_a_later_versions_file_is_named_as_such_and_left_alone(path, more):
    content = json.dumps({"format": 2, **more})
    path.write_text(content)
    with pytest.raises(StoreFailed, match="has the format 2; this version of traktauth reads 1"):
        FileStore(str(path)).save(LOGIN, pair(1), after=0, at=1.0)
    assert path.read_text() == content


def entry(login, **members):
    return {
        "format": 1,
        "realm": login.realm,
        "client_id": login.client_id,
        "account": login.account,
        "generation": 1,
        "token": {"access_token": "a", "refresh_token": "r", "expires_in": 60, "expires_at": 1.0, "generation": 1},
        "renewable": True,
        "why_not": None,
        "renewal": None,
        "saved_at": 1.0,
    } | members


def test_a_damaged_entry_is_reported_and_hides_no_other(path):
    broken = entry(OTHER, token={"access_token": 7})
    path.write_text(json.dumps({"format": 1, "logins": [broken, entry(LOGIN)]}))
    store = FileStore(str(path))
    assert store.load(LOGIN).token is not None
    assert store.logins() == [LOGIN, OTHER]
    with pytest.raises(StoreFailed, match="damaged; it is left as it is"):
        store.load(OTHER)
    with pytest.raises(StoreFailed, match="damaged"):
        store.save(OTHER, pair(2), after=1, at=1.0)
    assert store.save(LOGIN, pair(2), after=1, at=1.0)
    assert broken in json.loads(path.read_text())["logins"]


@pytest.mark.parametrize("stray", [7, "text", None, ["list"], {}, {"realm": "trakt", "client_id": 1, "account": "x"}])
def test_an_entry_that_names_no_login_is_kept_and_hides_no_other(path, stray):
    path.write_text(json.dumps({"format": 1, "logins": [stray, entry(LOGIN)]}))
    store = FileStore(str(path))
    assert store.load(LOGIN).token is not None
    assert store.logins() == [LOGIN]
    (told,) = store.problems()
    assert told.startswith("A record names no login and is left as found: restore")
    assert store.save(LOGIN, pair(2), after=1, at=1.0)
    assert stray in json.loads(path.read_text())["logins"]
    with pytest.raises(StoreFailed, match="damaged entry that may be this login's"):
        store.load(OTHER)


# ---------------------------------------------------------------- a disk that cannot be written, or is full
@needs_root
def test_living_tokens_are_served_from_a_folder_that_cannot_be_written(shared_folder):
    path = shared_folder / "tokens.json"

    def make():
        assert FileStore(str(path)).save(LOGIN, pair(1), after=0, at=1.0)

    def use():
        store = FileStore(str(path))
        token = store.load(LOGIN).token
        failures = []
        for work in (
            lambda: store.save(LOGIN, pair(2), after=1, at=1.0),
            lambda: store.begin(LOGIN, renewal(1)),
            store.check,
            lambda: store.exclusive(OTHER, 0.0).__enter__(),
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


def test_a_full_disk_shows_before_anything_is_sent(small_disk):
    path = small_disk / "tokens.json"
    store = FileStore(str(path))
    store.save(LOGIN, pair(1), after=0, at=1.0)
    before = path.read_bytes()
    fill(small_disk)
    with pytest.raises(StoreFailed, match="No space left on device"):
        store.begin(LOGIN, renewal(1))
    with pytest.raises(StoreFailed, match="No space left on device"):
        store.check()
    assert path.read_bytes() == before
    assert store.load(LOGIN).renewal is None


@pytest.mark.parametrize("verb", ["save", "mark"])
def test_what_was_begun_can_be_saved_on_a_disk_that_filled_up_meanwhile(small_disk, verb):
    path = small_disk / "tokens.json"
    store = FileStore(str(path))
    for number in range(20):
        store.save(replace(OTHER, account=str(number)), pair(1), after=0, at=1.0)
    store.save(LOGIN, pair(1), after=0, at=1.0)
    assert store.begin(LOGIN, renewal(1))
    fill(small_disk)
    with pytest.raises(StoreFailed, match="No space left"):
        store.save(OTHER, pair(1), after=0, at=1.0)  # who has not begun has no room
    if verb == "save":
        large = replace(pair(2), access_token="a" * 4000, refresh_token="r" * 4000)
        assert store.save(LOGIN, large, after=1, at=1.0)
        assert FileStore(str(path)).load(LOGIN).token == large
    else:
        store.mark(LOGIN, 1, "Trakt refused it")
        assert FileStore(str(path)).load(LOGIN).why_not == "Trakt refused it"


def test_a_spare_is_gone_once_its_renewal_is_over(store, path):
    store.begin(LOGIN, renewal(1))
    assert len(list(path.parent.glob("*.spare"))) == 1
    store.cancel(LOGIN, renewal(1), None)
    assert list(path.parent.glob("*.spare")) == []
    store.begin(LOGIN, renewal(1))
    store.save(LOGIN, pair(2), after=1, at=1.0)
    assert list(path.parent.glob("*.spare")) == []


def test_a_disk_that_fails_leaves_the_old_file(store, path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    before = path.read_bytes()
    for name in ("write", "fsync", "ftruncate"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, broken)
            with pytest.raises(StoreFailed, match="Input/output error") as caught:
                store.save(LOGIN, pair(2), after=1, at=1.0)
        assert "access-2" not in str(caught.value)
        assert path.read_bytes() == before
        assert list(path.parent.glob("*.new")) == []


# ---------------------------------------------------------------- crashes
def test_a_kill_at_any_step_leaves_the_old_record_or_the_new_one(path):
    """SIGKILL before each call to the system in turn: begin, save and cancel, over whatever the last one left."""
    generation, killed, steps = 1, 0, 0
    FileStore(str(path)).save(LOGIN, pair(1), after=0, at=1.0)
    while True:

        def work(generation=generation):
            store = FileStore(str(path))
            store.begin(LOGIN, renewal(generation))
            store.save(LOGIN, pair(generation + 1), after=generation, at=1.0)

        was_killed = killed_at(steps, work)
        record = FileStore(str(path)).load(LOGIN)
        assert record.token in (pair(generation), pair(generation + 1))
        assert record.token == pair(record.generation)
        if not was_killed:
            assert record.generation == generation + 1
            break
        killed, steps = killed + 1, steps + 1
        store = FileStore(str(path))
        with store.exclusive(LOGIN, 0.0) as held:
            assert held  # a dead holder holds nothing
        store.check()
        if record.renewal is not None:
            assert not store.begin(LOGIN, renewal(record.generation))  # the right to send is not given again
        store.save(LOGIN, pair(record.generation + 1), after=record.generation, at=1.0)
        generation = record.generation + 1
    assert killed > 15
    leftover = {each.name.rpartition(".")[2] for each in path.parent.iterdir()}
    assert leftover == {"json", "lock"}


def test_what_was_confirmed_survives_a_kill_at_any_moment(path):
    """A writer is killed at odd moments, again and again: nothing that a call has returned for is lost."""
    for round_ in range(12):
        reading, writing = os.pipe()
        child = fork()
        if child == 0:
            store = FileStore(str(path))
            generation = store.load(LOGIN).generation
            while True:
                store.begin(LOGIN, renewal(generation))
                store.save(LOGIN, pair(generation + 1), after=generation, at=1.0)
                generation += 1
                os.write(writing, b"%d\n" % generation)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            confirmed = int(pipe.readline())
            time.sleep(0.003 * round_)
            os.kill(child, 9)
            confirmed = int((pipe.read().splitlines() or [confirmed])[-1])
        os.waitpid(child, 0)
        record = FileStore(str(path)).load(LOGIN)
        assert record.generation in (confirmed, confirmed + 1)
        assert record.token == pair(record.generation)


WRITE_UNDER_STRACE = """
import sys
from traktauth.models import Login, Token, Renewal
from traktauth.stores.file import FileStore
store = FileStore(sys.argv[1])
login = Login("trakt", "app", "default")
store.save(login, Token("access-1", refresh_token="r", generation=1), after=0, at=1.0)
store.begin(login, Renewal(1, 1, 1.0, "here"))
store.save(login, Token("access-2", refresh_token="r", generation=2), after=1, at=1.0)
"""


def test_each_change_is_written_synced_renamed_and_its_folder_synced(path, tmp_path):
    """As the kernel sees it: no rename before the data are on the disk, none left in a folder's memory."""
    if shutil.which("strace") is None:
        pytest.skip("the program strace is absent")
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-y", "-o", log, "-e", "trace=write,fsync,rename,renameat,renameat2"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "COVERAGE"))}
    traced = subprocess.run(
        [*command, sys.executable, "-c", WRITE_UNDER_STRACE, path],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if "ptrace" in traced.stderr or "PTRACE" in traced.stderr:
        pytest.skip("strace may not trace here")
    assert traced.returncode == 0, traced.stderr
    calls = [line.split(maxsplit=1)[1] for line in log.read_text().splitlines() if str(path) in line or "fsync" in line]
    folder = f"<{path.parent}>)"
    kinds = []
    for call in calls:
        name = call.partition("(")[0]
        if name == "fsync":
            kinds.append("fsync folder" if folder in call.partition(" = ")[0].replace(" ", "") else "fsync file")
        else:
            kinds.append("rename" if name.startswith("rename") else name)
    renames = [number for number, kind in enumerate(kinds) if kind == "rename"]
    assert len(renames) == 3
    for number in renames:
        assert kinds[number - 1] == "fsync file"
        assert kinds[number - 2] == "write"
        assert kinds[number + 1] == "fsync folder"
    # The room for the save is on the disk before the right to send is.
    assert "fsync file" in kinds[renames[0] + 2 : renames[1] - 2]


# ---------------------------------------------------------------- others at the same file
def test_a_change_by_another_process_is_noticed_at_once(store, path):
    time.sleep(0.06)  # until the file has settled, and is known
    for generation in range(1, 20):
        assert store.load(LOGIN).token == pair(generation)
        in_child(lambda n=generation: FileStore(str(path)).save(LOGIN, pair(n + 1), after=n, at=1.0))


def test_two_writes_within_one_tick_of_the_clock_are_told_apart(store, path):
    """Same size, same inode, same time: what has just been written is not taken for known."""
    content = path.read_bytes()
    store.load(LOGIN)
    status = path.stat()
    with path.open("r+b") as file:
        file.write(content.replace(b"access-1", b"access-X"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.load(LOGIN).token.access_token == "access-X"


def test_a_settled_file_is_read_once(store, path, monkeypatch):
    os.utime(path, (1, 1))
    store.load(LOGIN)
    monkeypatch.setattr(os, "open", lambda *_, **__: pytest.fail("read again"))
    assert store.load(LOGIN).token == pair(1)
    assert store.peek(LOGIN).token == pair(1)


def test_several_accounts_renew_at_the_same_time(path):
    logins = [replace(LOGIN, account=str(number)) for number in range(8)]
    for login in logins:
        FileStore(str(path)).save(login, pair(1), after=0, at=1.0)

    def renew(login):
        store = FileStore(str(path))
        for generation in range(1, 6):
            with store.exclusive(login, 10.0) as held:
                assert held
                assert store.begin(login, renewal(generation))
                assert store.save(login, pair(generation + 1), after=generation, at=1.0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(renew, logins))
    store = FileStore(str(path))
    assert [store.load(login).token for login in logins] == [pair(6)] * 8


def test_a_writer_that_hangs_is_reported(store, path, monkeypatch):
    monkeypatch.setattr("traktauth.stores.file._WRITE_PATIENCE", 0.05)
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        with FileStore(str(path))._writing():
            os.write(writing, b"!")
            time.sleep(60)
    os.read(reading, 1)
    try:
        with pytest.raises(StoreFailed, match="being written by another program"):
            store.save(LOGIN, pair(2), after=1, at=1.0)
        assert store.load(LOGIN).token == pair(1)  # nobody waits to read
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
    assert store.save(LOGIN, pair(2), after=1, at=1.0)


def test_the_address_names_the_file(store, path):
    assert store.address == f"file:{path}"
