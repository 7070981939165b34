"""Files that hold secrets, in folders where other users make files and links of their own."""

from __future__ import annotations

import json
import os
import stat
from contextlib import closing

import pytest

from traktauth import private_files
from traktauth.server.errors import StorageUnavailable
from traktauth.server.http.exchange import AccessLog, Exchange
from traktauth.server.process.serve import check_config
from traktauth.server.settings import Settings
from traktauth.server.storage.database import Database

STRANGER = 65_534


@pytest.fixture
def give_away(monkeypatch):
    """Make a file, or a link, another user's."""

    def give(path):
        if os.geteuid() == 0:
            os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: STRANGER)

    return give


@pytest.fixture
def shared(tmp_path):
    """A folder like /tmp."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def start(path):
    return Database(f"sqlite:{path}", makes_folder=True)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_database_file_of_another_user_is_refused_and_left(shared, give_away, end):
    (shared / f"t.db{end}").touch(mode=0o600)
    give_away(shared / f"t.db{end}")
    for judge in (start, lambda path: check_config(Settings(database=f"sqlite:{path}"))):
        with pytest.raises(StorageUnavailable, match=f"t.db{end} belongs to another user"):
            judge(shared / "t.db")
    assert [path.name for path in shared.iterdir()] == [f"t.db{end}"]
    assert (shared / f"t.db{end}").stat().st_size == 0


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_link_beside_a_database_is_refused(shared, tmp_path, end):
    (tmp_path / "precious").write_text("kept")
    (shared / f"t.db{end}").symlink_to(tmp_path / "precious")
    with pytest.raises(StorageUnavailable, match="is a symbolic link"):
        start(shared / "t.db")
    (shared / f"t.db{end}").unlink()
    os.link(tmp_path / "precious", shared / f"t.db{end}")
    (tmp_path / "precious").chmod(0o600)
    with pytest.raises(StorageUnavailable, match="has another name"):
        start(shared / "t.db")
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.parametrize("bits", [0o644, 0o620, 0o666])
def test_a_file_beside_a_database_that_others_may_open_is_refused(shared, bits):
    (shared / "t.db-wal").touch()
    (shared / "t.db-wal").chmod(bits)
    with pytest.raises(StorageUnavailable, match="chmod 600"):
        start(shared / "t.db")


def test_a_database_that_others_may_write_is_refused_and_one_that_they_may_read_is_closed(shared):
    with closing(start(shared / "t.db")):
        assert {mode(path) for path in shared.iterdir()} == {0o600}
    (shared / "t.db").chmod(0o644)
    with closing(start(shared / "t.db")):
        assert {mode(path) for path in shared.iterdir()} == {0o600}
    (shared / "t.db").chmod(0o606)
    with pytest.raises(StorageUnavailable, match="can be written by other users"):
        start(shared / "t.db")


def test_a_folder_in_the_place_of_a_database_keeps_its_mode(shared):
    shared.chmod(0o1777)
    with pytest.raises(StorageUnavailable):
        start(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_link_of_ones_own_leads_to_the_database_and_another_users_does_not(shared, tmp_path, give_away):
    (tmp_path / "mine").mkdir()
    (shared / "t.db").symlink_to("../mine/real.db")
    with closing(start(shared / "t.db")):
        assert (tmp_path / "mine" / "real.db-wal").exists()
    (shared / "link").symlink_to(tmp_path / "mine" / "real.db")
    give_away(shared / "link")
    with pytest.raises(StorageUnavailable, match="link belongs to another user"):
        start(shared / "link")


def test_links_without_an_end_are_refused(shared):
    (shared / "a").symlink_to("b")
    (shared / "b").symlink_to("a")
    with pytest.raises(StorageUnavailable, match="without an end"):
        start(shared / "a")


def test_a_folder_in_which_everybody_may_replace_files_is_refused(shared):
    shared.chmod(0o777)
    with pytest.raises(StorageUnavailable, match="everybody can replace files"):
        start(shared / "t.db")


def test_folders_are_created_for_this_user_alone_under_any_umask(tmp_path):
    before = os.umask(0)
    try:
        start(tmp_path / "a" / "b" / "t.db").close()
        AccessLog(tmp_path / "log").close()
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/t.db", "log")] == [0o700, 0o700, 0o600, 0o600]


def test_a_file_that_appears_while_a_database_is_opened_is_found(shared, monkeypatch):
    real = private_files.make_file

    def made_beside(path):
        made = real(path)
        (shared / "t.db-wal").touch()
        (shared / "t.db-wal").chmod(0o666)
        return made

    monkeypatch.setattr(private_files, "make_file", made_beside)
    with pytest.raises(StorageUnavailable, match=r"t\.db-wal can be written by other users"):
        start(shared / "t.db")


def test_an_access_log_follows_no_link_of_another_user(shared, tmp_path, give_away):
    (tmp_path / "precious").write_text("kept")
    (shared / "log").symlink_to(tmp_path / "precious")
    give_away(shared / "log")
    with pytest.raises(ValueError, match="log belongs to another user"):
        AccessLog(shared / "log")
    assert (tmp_path / "precious").read_text() == "kept"


def test_an_access_log_of_another_user_is_refused(shared, give_away):
    (shared / "log").touch()
    give_away(shared / "log")
    with pytest.raises(ValueError, match="log belongs to another user"):
        AccessLog(shared / "log")


def test_an_access_log_may_be_a_link_of_ones_own(shared, tmp_path):
    (shared / "log").symlink_to(tmp_path / "real")
    with closing(AccessLog(shared / "log")) as log:
        log.write(Exchange("GET", "/", at=0.0))
    assert json.loads((tmp_path / "real").read_text())["status"] == 0
