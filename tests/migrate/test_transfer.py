"""`traktauth import` and `export`: one holder at every step, also of a run that is killed."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
import resource
import signal
import stat
import struct
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from support.engines import CHECKOUT
from support.login_files import command_environment, login_text, source_of, write_pytrakt
from support.own_thread import replace_in_this_thread
from traktauth import (
    AppRejected,
    AsyncTrakt,
    LoginMoved,
    LoginRequired,
    StoreFailed,
    Trakt,
    TraktAuthError,
    TryLater,
)
from traktauth.client.driver import bound_store
from traktauth.migrate import login_file, transfer
from traktauth.migrate.formats import NAMES, FormatError, find_format
from traktauth.migrate.import_copy import load_copy, path_of_copy, save_copy
from traktauth.migrate.login_file import LoginFile, LoginFileError, write_file
from traktauth.migrate.transfer import Undone, export_access_token, export_login, import_from, undo_import
from traktauth.models.changes import MAX_HISTORY, CancelRefresh, RejectToken
from traktauth.stores import open_store
from traktauth.stores.encryption import new_key
from traktauth.stores.file import atomic_file
from traktauth.stores.import_copy import bound_text
from traktauth.stores.move import move
from traktauth.testing import LocalTrakt

PYTRAKT = CHECKOUT / "tests" / "clients" / "pytrakt_driver.py"


@pytest.fixture(scope="module")
def shared():
    with LocalTrakt() as server:
        yield server


@pytest.fixture
def server(shared):
    shared.reset()
    return shared


@pytest.fixture(params=["file", "sqlite"])
def trakt(request, server, tmp_path):
    address = f"{request.param}:{tmp_path}/store/login.{request.param}"
    (tmp_path / "store").mkdir(mode=0o700)
    with Trakt(server.app, service=server.url, store=address, clock=server.clock) as client:
        yield client


@pytest.fixture
def file(server, tmp_path):
    return write_pytrakt(tmp_path / "home" / ".pytrakt.json", server)


# ------------------------------------------------------------ import
def test_a_login_changes_its_holder(trakt, file, server):
    before = json.loads(file.read_text())
    done = import_from(trakt, source_of(file))
    assert done.user.username == "sean"
    assert json.loads(file.read_text()) == {**before, "OAUTH_REFRESH": None}
    server.advance(days=8)
    assert trakt.request("GET", "/users/me").json()["username"] == "sean"
    assert (server.ledger["rotations"], server.ledger["replays"]) == (1, 0)
    assert trakt.status().username == "sean"


def test_the_copy_is_for_this_user_alone_and_beside_the_store(trakt, file):
    import_from(trakt, source_of(file))
    copy = path_of_copy(trakt.store, trakt.config.key)
    assert copy.parent == file.parent.parent / "store"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_the_copy_beside_an_encrypted_store_is_encrypted_too(server, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", new_key())
    login = json.loads(file.read_text())
    before = file.read_bytes()
    with Trakt(server.app, service=server.url, store=f"sealed+file:{tmp_path}/login.json", clock=server.clock) as trakt:
        import_from(trakt, source_of(file))
        copy = path_of_copy(trakt.store, trakt.config.key)
        for name in ("OAUTH_REFRESH", "OAUTH_TOKEN", "CLIENT_SECRET"):
            assert login[name] not in copy.read_text()
        undo_import(trakt)
        assert file.read_bytes() == before


def test_an_encrypted_copy_is_of_use_for_its_own_login_alone(server, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", new_key())
    store = f"sealed+file:{tmp_path}/login.json"
    with Trakt(server.app, service=server.url, store=store, clock=server.clock) as trakt:
        import_from(trakt, source_of(file))
        other = trakt.for_account("other")
        path_of_copy(trakt.store, trakt.config.key).rename(path_of_copy(other.store, other.config.key))
        with pytest.raises(LoginFileError, match="is damaged"):
            undo_import(other)


def test_the_copy_of_another_logins_import_is_not_used(trakt, file):
    """Whoever may write the folder can rename it, though it stays this user's file."""
    import_from(trakt, source_of(file))
    blank = file.read_text()
    other = trakt.for_account("other")
    path_of_copy(trakt.store, trakt.config.key).rename(path_of_copy(other.store, other.config.key))
    with pytest.raises(LoginFileError, match="is the copy of another login's import"):
        undo_import(other)
    assert file.read_text() == blank


def end_by_refresh(trakt, tmp_path):
    trakt.refresh()


def end_by_sign_out(trakt, tmp_path):
    trakt.logout(local=True)


def end_by_move(trakt, tmp_path):
    list(move(trakt.store, open_store(f"file:{tmp_path}/other.json"), clock=trakt.config.context.clock))


@pytest.mark.parametrize("end", [end_by_refresh, end_by_sign_out, end_by_move])
def test_the_copy_goes_with_the_imported_login(trakt, file, tmp_path, end):
    import_from(trakt, source_of(file))
    copy = path_of_copy(trakt.store, trakt.config.key)
    assert copy.exists()
    end(trakt, tmp_path)
    assert not copy.exists()


def test_an_async_program_removes_the_copy_too(trakt, file, server):
    import_from(trakt, source_of(file))

    async def refresh():
        async with AsyncTrakt(
            server.app, service=server.url, store=trakt.store.address, clock=server.clock
        ) as async_trakt:
            await async_trakt.refresh()

    asyncio.run(refresh())
    assert not path_of_copy(trakt.store, trakt.config.key).exists()


def test_the_copy_of_a_login_that_was_replaced_stays(trakt, file, server):
    """Only the copy has its refresh token."""
    before = file.read_bytes()
    import_from(trakt, source_of(file))
    server.sign_in_at(trakt, "mary")
    trakt.refresh()
    trakt.logout()
    undo_import(trakt)
    assert file.read_bytes() == before


@pytest.mark.parametrize("plant", ["a file that others may write", "another user's file", "a link", "a pipe"])
def test_a_copy_that_another_user_may_have_planted_is_not_used(trakt, file, tmp_path, plant):
    """An undo would write their text to their path."""
    import_from(trakt, source_of(file))
    copy = path_of_copy(trakt.store, trakt.config.key)
    if plant == "a file that others may write":
        copy.chmod(0o666)
    elif plant == "a pipe":  # which is never written to
        copy.unlink()
        os.mkfifo(copy)
    elif plant == "a link":
        copy.rename(tmp_path / "elsewhere")
        copy.symlink_to(tmp_path / "elsewhere")
    elif os.geteuid() != 0:
        pytest.skip("needs root, to have files of two users")
    else:
        os.chown(copy, 12345, -1)
    with pytest.raises(LoginFileError, match="cannot be used"):
        undo_import(trakt)
    assert json.loads(file.read_text())["OAUTH_REFRESH"] is None
    assert trakt.refresh().generation == 2


@pytest.mark.parametrize(
    "change", [{"format": "../x"}, {"path": "\0"}, {"text": "{"}, {"version": None}, {"sealed": "2.x"}]
)
def test_a_damaged_copy_is_reported(trakt, file, change):
    import_from(trakt, source_of(file))
    copy = path_of_copy(trakt.store, trakt.config.key)
    copy.write_text(json.dumps({**json.loads(copy.read_text()), **change}))
    with pytest.raises(TraktAuthError):
        undo_import(trakt)
    assert trakt.status().state == "valid"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_an_export_and_an_import_follow_no_link_of_another_user(trakt, file, server, tmp_path):
    (tmp_path / "profile").write_text("mine")
    for target in ("profile", "home/.pytrakt.json"):
        link = tmp_path / "link.json"
        link.symlink_to(tmp_path / target)
        os.chown(link, 12345, -1, follow_symlinks=False)
        with pytest.raises(LoginFileError, match="belongs to another user"):
            source_of(link)
        server.sign_in_at(trakt)
        with pytest.raises(LoginFileError, match="belongs to another user"):
            export_access_token(trakt, "token", link)
        link.unlink()
    assert (tmp_path / "profile").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_an_export_and_an_import_go_through_no_folder_link_of_another_user_in_a_shared_folder(trakt, file, server):
    shared = file.parent.parent / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "d").symlink_to(file.parent)
    (shared / "mine").symlink_to(file.parent)
    os.chown(shared / "d", 12345, -1, follow_symlinks=False)
    server.sign_in_at(trakt)
    for target in ("d/.profile", "d/new/token.json", "d/../home/.profile"):
        for export in (export_login, export_access_token):
            with pytest.raises(LoginFileError, match="shared/d belongs to another user"):
                export(trakt, "token", shared / target)
    with pytest.raises(LoginFileError, match="shared/d belongs to another user"):
        source_of(shared / "d" / file.name)
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    export_access_token(trakt, "token", shared / "mine" / "token.json")
    assert (file.parent / "token.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_an_export_replaces_no_file_of_another_user(trakt, server, tmp_path):
    theirs = tmp_path / "config.yml"
    theirs.write_text("plex: {}\n")
    os.chown(theirs, 12345, -1)
    server.sign_in_at(trakt)
    for export in (export_login, export_access_token):
        with pytest.raises(LoginFileError, match="belongs to another user, and would be replaced"):
            export(trakt, "kometa", theirs)
    assert theirs.stat().st_uid == 12345
    assert trakt.refresh().generation == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_an_export_and_an_import_go_through_no_link_in_a_folder_of_another_user(trakt, file, server):
    """Though only that user may write there."""
    theirs = file.parent.parent / "theirs"
    theirs.mkdir()
    (theirs / "d").symlink_to(file.parent)
    os.chown(theirs, 12345, -1)
    os.chown(theirs / "d", 12345, -1, follow_symlinks=False)
    server.sign_in_at(trakt)
    for export in (export_login, export_access_token):
        with pytest.raises(LoginFileError, match="theirs/d belongs to another user"):
            export(trakt, "token", theirs / "d" / ".profile")
    with pytest.raises(LoginFileError, match="theirs/d belongs to another user"):
        source_of(theirs / "d" / file.name)


def test_a_text_that_utf8_cannot_hold_is_refused_before_the_file_is_touched(file):
    before = file.read_bytes()
    with pytest.raises(LoginFileError, match="surrogate"):
        write_file(file, "\ud83d")
    assert file.read_bytes() == before


def test_a_named_pipe_is_not_waited_for(file):
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(LoginFileError, match="is not a file"):
        source_of(file)


def test_a_plain_copy_beside_an_encrypted_store_is_not_used(server, file, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", new_key())
    with Trakt(
        server.app, service=server.url, store=f"sealed+file:{tmp_path}/sealed.json", clock=server.clock
    ) as trakt:
        import_from(trakt, source_of(file))
        copy = path_of_copy(trakt.store, trakt.config.key)
        document = json.loads(copy.read_text())
        login = bound_text(trakt.config.key).decode()
        del document["sealed"]
        plain = {**document, "login": login, "format": "pytrakt", "path": str(tmp_path / "other"), "text": "{}"}
        copy.write_text(json.dumps(plain))
        with pytest.raises(LoginFileError, match="is not encrypted, as the store is"):
            undo_import(trakt)
    assert not (tmp_path / "other").exists()


def test_an_export_leaves_the_copy_of_another_login(trakt, file, server, tmp_path):
    import_from(trakt, source_of(file))
    server.sign_in_at(trakt, "mary")
    export_login(trakt, "token", tmp_path / "mary.json")
    assert path_of_copy(trakt.store, trakt.config.key).exists(), "it alone has the refresh token of the imported login"
    assert undo_import(trakt).path == file.resolve()
    assert json.loads(file.read_text())["OAUTH_REFRESH"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two users")
def test_a_file_of_another_user_is_replaced_by_no_import_or_undo(trakt, file):
    before = file.read_text()
    os.chown(file, 12345, -1)
    with pytest.raises(LoginFileError, match="belongs to another user") as caught:
        import_from(trakt, source_of(file))
    assert "--keep-source" in caught.value.hint
    assert (file.read_text(), trakt.status().state) == (before, "never")
    os.chown(file, 0, -1)
    import_from(trakt, source_of(file))
    blank = file.read_text()
    os.chown(file, 12345, -1)
    with pytest.raises(LoginFileError, match="belongs to another user"):
        undo_import(trakt)
    assert (file.read_text(), trakt.status().state) == (blank, "valid")


def test_an_import_gives_its_file_no_setuid_bit(trakt, file):
    file.chmod(0o4600)
    import_from(trakt, source_of(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_export_to_the_home_of_no_user_is_refused(trakt, server):
    server.sign_in_at(trakt)
    for export in (export_login, export_access_token):
        with pytest.raises(LoginFileError, match="home directory"):
            export(trakt, "token", Path("~no-such-user/login.json"))
    assert trakt.status().state == "valid"


@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text.replace("\n", "\r\n")], ids=["plain", "windows"])
@pytest.mark.parametrize("name", [each for each in NAMES if each != "pytrakt"])
def test_every_format_loses_its_refresh_token_and_nothing_else(server, tmp_path, name, change):
    path = tmp_path / "source"
    path.write_bytes(change(login_text(name, server)).encode())
    before = path.read_bytes()
    with Trakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
        done = import_from(trakt, source_of(path, name))
        assert done.user.username == "sean"
        old = done.token.refresh_token.encode()
        after = path.read_bytes()
        assert len(before.splitlines()) == len(after.splitlines())
        changed = [(was, now) for was, now in zip(before.splitlines(), after.splitlines(), strict=True) if was != now]
        assert len(changed) == 1
        assert old in changed[0][0]
        assert old not in after
        server.advance(days=8)
        assert trakt.token().generation == 2
        assert (server.ledger["rotations"], server.ledger["replays"]) == (1, 0)


def test_a_login_of_every_format_is_given_back(server, tmp_path):
    with Trakt(server.app, service=server.url, store=f"file:{tmp_path}/login.json", clock=server.clock) as trakt:
        for name in NAMES:
            path = tmp_path / name
            path.write_text(login_text(name, server), encoding="utf-8")
            before = path.read_bytes()
            import_from(trakt, source_of(path, name))
            undo_import(trakt)
            assert path.read_bytes() == before, name


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_a_files_mode_is_kept(trakt, file, mode):
    file.chmod(mode)
    import_from(trakt, source_of(file))
    assert stat.S_IMODE(file.stat().st_mode) == mode


GROUP = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have files of two groups")


@needs_root
@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604])
def test_a_file_stays_in_its_group_and_is_open_to_no_other_group(trakt, file, mode, monkeypatch):
    os.chown(file, -1, GROUP)
    file.chmod(mode)
    import_from(trakt, source_of(file))
    assert (file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) == (GROUP, mode)

    def not_in_that_group(*_arguments):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", not_in_that_group)
    undo_import(trakt)
    assert file.stat().st_gid != GROUP
    assert stat.S_IMODE(file.stat().st_mode) == (0o644 if mode == 0o644 else 0o600)


_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 1, 2, 4, 16, 32


def access_list(*entries):
    """Return an access list as Linux keeps it."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.skipif(sys.platform != "linux", reason="the access lists of Linux")
def test_a_file_keeps_its_access_list_whose_mask_is_no_right_of_the_group(trakt, file):
    nobody = 2**32 - 1
    entries = (
        (_USER_OBJ, 6, nobody),
        (_USER, 4, 65534),
        (_GROUP_OBJ, 0, nobody),
        (_MASK, 4, nobody),
        (_OTHER, 0, nobody),
    )
    try:
        os.setxattr(file, "system.posix_acl_access", access_list(*entries))
    except OSError:
        pytest.skip("a file system without access lists")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    import_from(trakt, source_of(file))
    assert os.getxattr(file, "system.posix_acl_access") == access_list(*entries)
    undo_import(trakt)
    assert os.getxattr(file, "system.posix_acl_access") == access_list(*entries)


@pytest.mark.skipif(sys.platform != "linux", reason="the access lists of Linux")
def test_a_file_without_an_access_list_gets_none_of_its_folder(trakt, file):
    nobody = 2**32 - 1
    entries = (
        (_USER_OBJ, 6, nobody),
        (_USER, 4, 65534),
        (_GROUP_OBJ, 4, nobody),
        (_MASK, 4, nobody),
        (_OTHER, 0, nobody),
    )
    file.chmod(0o640)
    try:
        os.setxattr(file.parent, "system.posix_acl_default", access_list(*entries))
    except OSError:
        pytest.skip("a file system without access lists")
    import_from(trakt, source_of(file))
    with pytest.raises(OSError, match="No data available"):
        os.getxattr(file, "system.posix_acl_access")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("when", ["before the lock", "before the rename"])
def test_a_named_pipe_that_takes_the_files_place_is_not_waited_for(trakt, file, when, monkeypatch):
    source = source_of(file)

    def put_a_pipe():
        file.unlink()
        os.mkfifo(file)

    if when == "before the lock":
        monkeypatch.setattr(LoginFile, "check_writable", lambda _file: put_a_pipe())
    else:
        real = atomic_file.sync_file
        monkeypatch.setattr(
            atomic_file, "sync_file", lambda descriptor: (put_a_pipe() if file.is_file() else None, real(descriptor))
        )
    with pytest.raises(LoginFileError, match="is not a file"):
        import_from(trakt, source)


def test_a_file_with_a_second_name_is_not_imported_as_that_would_keep_the_token(trakt, file, tmp_path):
    os.link(file, tmp_path / "second")
    before = file.read_bytes()
    with pytest.raises(LoginFileError, match="has another name as well"):
        import_from(trakt, source_of(file))
    assert (file.read_bytes(), trakt.store.load(trakt.config.key).token) == (before, None)
    (tmp_path / "second").unlink()
    import_from(trakt, source_of(file))


def test_a_folder_that_becomes_a_link_meanwhile_leads_to_no_other_file(trakt, server, tmp_path, monkeypatch):
    server.sign_in_at(trakt)
    theirs, victims = tmp_path / "theirs", tmp_path / "victims"
    theirs.mkdir()
    victims.mkdir()
    (victims / "config").write_text("precious")
    make_folder = atomic_file.make_folder

    def swap(folder):
        make_folder(folder)
        theirs.rename(tmp_path / "was")
        theirs.symlink_to(victims)

    monkeypatch.setattr(atomic_file, "make_folder", swap)
    with pytest.raises(LoginFileError, match="symbolic link"):
        export_access_token(trakt, "token", theirs / "config")
    assert [(each.name, each.read_text()) for each in victims.iterdir()] == [("config", "precious")]


def test_an_undo_says_that_it_cannot_remove_the_copy(trakt, file, monkeypatch):
    before = file.read_bytes()
    import_from(trakt, source_of(file))

    def fail(*_arguments, **_more):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        with pytest.raises(LoginFileError, match=r"is back in .* cannot be removed: Input/output error"):
            undo_import(trakt)
    assert file.read_bytes() == before


def test_an_undo_does_not_replace_what_another_program_writes_meanwhile(trakt, file, monkeypatch):
    import_from(trakt, source_of(file))

    with monkeypatch.context() as patched:
        real = trakt.store.apply
        patched.setattr(trakt.store, "apply", lambda *a: (real(*a), file.write_text("a new sign-in"))[0])
        with pytest.raises(LoginFileError, match="has just been changed by another program"):
            undo_import(trakt)
    assert file.read_text() == "a new sign-in"


def test_a_copy_that_was_not_finished_goes_with_the_login(trakt, server, file, monkeypatch):
    copy = path_of_copy(trakt.store, trakt.config.key)
    rename = os.rename
    with monkeypatch.context() as patched:  # as if killed there
        patched.setattr(os, "rename", lambda old, new: os._exit(0) if new == str(copy) else rename(old, new))
        child = os.fork()
        if child == 0:
            import_from(trakt, source_of(file))
        os.waitpid(child, 0)
    assert [each.name for each in copy.parent.iterdir() if "login" not in each.name]
    server.sign_in_at(trakt)
    trakt.logout()
    assert not [each.name for each in copy.parent.iterdir() if "login" not in each.name]


def test_an_export_to_a_path_that_no_store_can_note_changes_nothing(trakt, server, tmp_path):
    server.sign_in_at(trakt)
    path = tmp_path / os.fsdecode(b"\xff.json")
    with pytest.raises(LoginFileError, match="is not UTF-8"):
        export_login(trakt, "token", path)
    assert not path.exists()
    assert trakt.refresh().generation == 2


def test_a_symbolic_link_stays(trakt, file, tmp_path):
    link = tmp_path / "link.json"
    link.symlink_to(file)
    import_from(trakt, source_of(link))
    assert link.is_symlink()
    assert json.loads(file.read_text())["OAUTH_REFRESH"] is None


def test_a_read_only_file_is_refused_before_anything_is_written(trakt, file):
    file.chmod(0o444)
    with pytest.raises(LoginFileError, match="is read-only") as caught:
        import_from(trakt, source_of(file))
    assert "--keep-source" in caught.value.hint
    assert trakt.status().state == "never"
    import_from(trakt, source_of(file), keep_source=True)
    assert json.loads(file.read_text())["OAUTH_REFRESH"]


def test_an_expired_token_ends_it_and_nothing_is_spent(trakt, file, server):
    server.advance(days=8)
    before = file.read_bytes()
    with pytest.raises(LoginRequired, match="nothing was spent"):
        import_from(trakt, source_of(file))
    assert file.read_bytes() == before
    assert server.ledger["rotations"] == 0
    done = import_from(trakt, source_of(file), refresh=True)
    assert (done.was_refreshed, done.user.username, trakt.status().username) == (True, "sean", "sean")
    assert done.token.expires_at > server.clock()
    assert server.ledger["rotations"] == 1


def test_a_revoked_login_is_found_out_when_it_is_refreshed(trakt, file, server):
    source = source_of(file)
    server.reset()  # Trakt knows neither token any more
    with pytest.raises(LoginRequired):
        import_from(trakt, source)
    with pytest.raises(LoginRequired):
        import_from(trakt, source, refresh=True)


def test_an_api_that_rejects_the_app_says_what_to_do(trakt, file, server):
    before = file.read_bytes()
    server.fail_next("/users/settings", status=403)
    with pytest.raises(AppRejected, match=r"client id \(403\)") as caught:
        import_from(trakt, source_of(file))
    assert caught.value.code == "app-rejected"
    assert "Trakt deletes unused apps" in caught.value.hint
    assert file.read_bytes() == before


@contextmanager
def full_disk():
    """Let every write to a file fail in this process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def test_a_store_that_cannot_be_written_leaves_the_file_as_it_is(trakt, file):
    source, before = source_of(file), file.read_bytes()
    trakt.status()  # the store is open
    with full_disk(), pytest.raises(StoreFailed):
        import_from(trakt, source)
    assert file.read_bytes() == before
    assert not path_of_copy(trakt.store, trakt.config.key).exists()


def test_an_api_that_is_down_changes_nothing(trakt, file, server):
    before = file.read_bytes()
    server.fail_next("/users/settings", status=503)
    with pytest.raises(TryLater):
        import_from(trakt, source_of(file))
    assert file.read_bytes() == before
    assert trakt.status().state == "never"


def test_a_file_that_another_program_changes_meanwhile_is_left_alone(trakt, file, server):
    source = source_of(file)
    write_pytrakt(file, server)
    changed = file.read_bytes()
    with pytest.raises(LoginFileError, match="changed by another program"):
        import_from(trakt, source)
    assert file.read_bytes() == changed
    assert trakt.status().state == "never"


def test_a_refresh_of_the_other_program_while_the_new_file_is_synced_is_not_overwritten(
    trakt, file, server, monkeypatch
):
    source, real = source_of(file), os.fsync

    def fsync(descriptor):
        new = [each.stat().st_ino for each in file.parent.glob(".traktauth-*")]
        if os.fstat(descriptor).st_ino in new:
            write_pytrakt(file, server)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(LoginFileError, match="changed by another program"):
        import_from(trakt, source)
    assert json.loads(file.read_text())["OAUTH_REFRESH"] is not None
    assert trakt.status().state == "never"


def test_an_import_that_had_finished_says_so(trakt, file):
    import_from(trakt, source_of(file))
    assert import_from(trakt, source_of(file)).was_there


def test_a_file_without_a_refresh_token_needs_keep_source(trakt, file):
    file.write_text(json.dumps({**json.loads(file.read_text()), "OAUTH_REFRESH": None}))
    with pytest.raises(FormatError, match="no refresh token"):
        import_from(trakt, source_of(file))
    assert import_from(trakt, source_of(file), keep_source=True).token.refresh_token is None


def test_an_account_that_was_moved_to_another_store_is_neither_imported_nor_exported(trakt, file, server, tmp_path):
    first = import_from(trakt, source_of(file)).token
    with closing(open_store(f"sqlite:{tmp_path}/new.db")) as new:
        assert [moved.outcome.name for moved in move(trakt.store, new)] == ["MOVED"]
        other = write_pytrakt(tmp_path / "other" / ".pytrakt.json", server)
        before = other.read_bytes()
        with pytest.raises(LoginMoved, match=re.escape(new.address)):
            import_from(trakt, source_of(other), replace=True)
        assert other.read_bytes() == before
        with pytest.raises(LoginMoved, match=re.escape(new.address)):
            export_login(trakt, "pytrakt", tmp_path / "exported.json")
        assert not (tmp_path / "exported.json").exists()
        assert new.load(trakt.config.key).token == first


# ------------------------------------------------------------ undo
def test_undo_gives_the_login_back(trakt, file, server):
    before = file.read_bytes()
    import_from(trakt, source_of(file))
    assert undo_import(trakt) == Undone(file.resolve(), is_kept=False)
    assert file.read_bytes() == before
    with pytest.raises(LoginRequired):
        trakt.token()
    with pytest.raises(LoginRequired, match="has no import to undo") as caught:
        undo_import(trakt)
    assert "traktauth login" not in caught.value.hint, "the login was given back"


def test_undo_waits_for_a_pending_refresh(trakt, file, server):
    import_from(trakt, source_of(file))
    server.fail_next("/oauth/token", drop="after")
    with pytest.raises(TryLater):
        trakt.refresh()
    with pytest.raises(TryLater, match="is pending"):
        undo_import(trakt)
    assert path_of_copy(trakt.store, trakt.config.key).exists()


def test_undo_gives_a_replaced_login_back_and_keeps_the_one_that_replaced_it(trakt, file, server):
    """Only the copy has the refresh token of the first login once another has replaced it."""
    before = file.read_bytes()
    import_from(trakt, source_of(file))
    second = write_pytrakt(file.with_name("second.json"), server)
    kept = import_from(trakt, source_of(second), replace=True, keep_source=True).token
    assert undo_import(trakt) == Undone(file.resolve(), is_kept=True)
    assert file.read_bytes() == before
    assert trakt.token() == kept
    import_from(trakt, source_of(file), replace=True)
    assert trakt.refresh().generation > kept.generation, "the file's refresh token works"


def test_an_import_does_not_overwrite_a_copy_that_alone_has_a_refresh_token(trakt, file, server):
    import_from(trakt, source_of(file))
    server.sign_in_at(trakt, "mary")
    third = write_pytrakt(file.with_name("third.json"), server)
    before = third.read_bytes()
    with pytest.raises(LoginFileError, match="and replaced") as caught:
        import_from(trakt, source_of(third), replace=True)
    assert caught.value.hint.endswith(": traktauth import pytrakt --undo")
    assert third.read_bytes() == before
    undo_import(trakt)
    import_from(trakt, source_of(third), replace=True)


def test_a_login_whose_history_is_lost_stays_in_the_copy(trakt, file, server):
    import_from(trakt, source_of(file))
    copy = path_of_copy(trakt.store, trakt.config.key)
    for _ in range(MAX_HISTORY + 1):
        server.sign_in_at(trakt)
    with pytest.raises(LoginFileError, match="does not show") as caught:
        undo_import(trakt)
    assert str(copy) in caught.value.hint
    assert copy.exists()


def test_a_login_that_was_refreshed_on_another_machine_and_signed_out_is_not_given_back(trakt, file, server):
    """The copy of a store in a network lies on one machine, so that a refresh on another one does not remove it."""
    import_from(trakt, source_of(file))
    blank = file.read_bytes()
    copy = path_of_copy(trakt.store, trakt.config.key)
    its_copy = copy.read_bytes()
    for _ in range(MAX_HISTORY + 1):
        trakt.refresh()
    trakt.logout(local=True)
    copy.write_bytes(its_copy)
    copy.chmod(0o600)
    with pytest.raises(LoginFileError, match="does not show"):
        undo_import(trakt)
    assert file.read_bytes() == blank


def test_an_import_that_was_interrupted_before_it_saved_is_undone(trakt, file, server, monkeypatch):
    server.sign_in_at(trakt, "mary")
    before = file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(LoginFile, "replace", interrupt_after(LoginFile.replace))
        with pytest.raises(KeyboardInterrupt):
            import_from(trakt, source_of(file), replace=True)
    assert json.loads(file.read_text())["OAUTH_REFRESH"] is None
    assert undo_import(trakt) == Undone(file.resolve(), is_kept=True)
    assert file.read_bytes() == before


def import_into(store, server, file):
    with Trakt(server.app, service=server.url, store=store) as other:
        return import_from(other, source_of(file))


def test_an_import_that_failed_leaves_no_copy_that_could_be_given_back(trakt, file, server, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", fail_for(file, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
        with pytest.raises(LoginFileError, match="No space left"):
            import_from(trakt, source_of(file))
    import_into(f"file:{tmp_path}/other.json", server, file)
    with pytest.raises(LoginRequired, match="no import to undo"):
        undo_import(trakt)
    with pytest.raises(FormatError, match="no refresh token"):
        import_from(trakt, source_of(file))


def test_an_import_killed_before_it_blanked_the_file_does_not_take_the_token_of_another(
    trakt, file, server, tmp_path, monkeypatch
):
    copy, saved = path_of_copy(trakt.store, trakt.config.key), []
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", fail_for(file, KeyboardInterrupt(), lambda: saved.append(copy.read_bytes())))
        with pytest.raises(KeyboardInterrupt):
            import_from(trakt, source_of(file))
    assert not copy.exists()
    copy.write_bytes(*saved)  # which a kill would have left
    copy.chmod(0o600)
    import_into(f"file:{tmp_path}/other.json", server, file)
    with pytest.raises(FormatError, match="no refresh token"):
        import_from(trakt, source_of(file))
    with pytest.raises(LoginFileError, match="another program may have it"):
        undo_import(trakt)
    assert json.loads(file.read_text())["OAUTH_REFRESH"] is None


def fail_for(file, error, before=lambda: None):
    """Return an `os.rename` that fails if it would replace this file."""
    real = os.rename

    def rename(old, new):
        if new == str(file.resolve()):
            before()
            raise error
        return real(old, new)

    return rename


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_two_imports_of_one_file_into_two_stores_do_not_both_succeed(trakt, file, server, tmp_path, monkeypatch):
    both_have_read = threading.Barrier(2)
    real = LoginFile.check_writable

    def check_writable(self):
        both_have_read.wait(30)
        real(self)

    monkeypatch.setattr(LoginFile, "check_writable", check_writable)
    with ThreadPoolExecutor() as pool:
        stores = [f"file:{tmp_path}/one.json", f"file:{tmp_path}/two.json"]
        runs = [pool.submit(import_into, store, server, file) for store in stores]
    assert sorted(type(run.exception()).__name__ for run in runs) == ["LoginFileError", "NoneType"]


def interrupt_after(work):
    """Return a function that works, then is interrupted."""

    def interrupted(*arguments):
        work(*arguments)
        raise KeyboardInterrupt

    return interrupted


def test_an_import_that_waited_for_the_undo_of_another_leaves_one_holder(trakt, file, monkeypatch):
    """It was to take the login up from the copy, as the file was blank; the undo has filled the file again."""
    before = file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(LoginFile, "replace", interrupt_after(LoginFile.replace))
        with pytest.raises(KeyboardInterrupt):
            import_from(trakt, source_of(file))
    source, blank = source_of(file), file.read_bytes()
    assert before != blank

    def undo_first(path):
        monkeypatch.undo()
        file.write_bytes(before)
        return check(path)

    check = LoginFile.check_writable
    monkeypatch.setattr(LoginFile, "check_writable", undo_first)
    with pytest.raises(LoginFileError, match="changed by another program"):
        import_from(trakt, source)
    assert file.read_bytes() == before
    assert trakt.status().state == "never"


def test_undo_leaves_a_changed_file_alone_and_the_login_here(trakt, file):
    import_from(trakt, source_of(file))
    file.write_text("{}")
    with pytest.raises(LoginFileError, match="changed since the import"):
        undo_import(trakt)
    assert trakt.status().state == "valid"


def test_no_secret_is_in_a_log_a_repr_or_an_error(trakt, file, server, caplog):
    tokens = [value for name, value in json.loads(file.read_text()).items() if name in ("OAUTH_REFRESH", "OAUTH_TOKEN")]
    shown = []

    def fails(work):
        with pytest.raises(TraktAuthError) as caught:
            work()
        shown.append("".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.hint))

    with caplog.at_level(logging.DEBUG):
        source = source_of(file)
        shown.append(repr(source) + repr(source.file))
        server.fail_next("/users/settings", status=503)
        fails(lambda: import_from(trakt, source))
        shown.append(repr(import_from(trakt, source)) + repr(load_copy(trakt.store, trakt.config.key)))
        fails(lambda: import_from(trakt, source))  # the file holds the refresh token, as it was read before
        file.write_text("damaged")
        fails(lambda: undo_import(trakt))
        fails(lambda: import_from(trakt, source_of(file)))
    text = "".join(shown) + caplog.text
    assert [secret for secret in (*tokens, server.app.client_secret) if secret in text] == []


# ------------------------------------------------------------ export
def test_an_access_token_is_lent(trakt, server, tmp_path):
    server.sign_in_at(trakt)
    path = tmp_path / "lent.json"
    export_access_token(trakt, "pytrakt", path)
    assert json.loads(path.read_text())["OAUTH_REFRESH"] is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert trakt.status().state == "valid"


def test_a_login_is_moved_and_comes_back(trakt, server, tmp_path):
    token, path = server.sign_in_at(trakt), tmp_path / "moved.json"
    export_login(trakt, "pytrakt", path)
    assert json.loads(path.read_text())["OAUTH_REFRESH"] == token.refresh_token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(LoginRequired) as caught:
        trakt.token()
    assert caught.value.reason == "moved"
    assert f"traktauth import pytrakt {path};" in caught.value.hint_command
    assert import_from(trakt, source_of(path)).token.access_token == token.access_token


@pytest.mark.parametrize("format_name", ["pytrakt", "kometa", "token"])
def test_an_access_token_that_the_api_has_rejected_is_moved_as_an_expired_one(trakt, server, tmp_path, format_name):
    """So the other program refreshes it at once, and does not send it until the time when it would have expired."""
    token, path = server.sign_in_at(trakt), tmp_path / "moved"
    server.advance(hours=1)
    trakt.store.apply(trakt.config.key, RejectToken(token.generation, server.clock()))
    export_login(trakt, format_name, path)
    moved = find_format(format_name).read(path.read_text(), now=server.clock())
    assert moved.refresh_token == token.refresh_token
    assert moved.expires_at <= server.clock()


@pytest.mark.parametrize("export", [export_access_token, export_login])
def test_a_file_with_a_login_of_its_own_is_not_overwritten(trakt, file, server, export):
    server.sign_in_at(trakt)
    before = file.read_bytes()
    with pytest.raises(LoginFileError, match="would be lost"):
        export(trakt, "pytrakt", file)
    assert file.read_bytes() == before
    assert trakt.status().state == "valid"


def test_an_export_that_cannot_be_written_leaves_the_login_here(trakt, server, tmp_path):
    server.sign_in_at(trakt)
    (tmp_path / "blocked").write_text("")
    with pytest.raises(LoginFileError):
        export_login(trakt, "token", tmp_path / "blocked" / "x.json")
    assert trakt.refresh().generation == 2


def test_an_export_that_fails_for_an_unknown_reason_leaves_the_login_here(trakt, server, tmp_path, monkeypatch):
    server.sign_in_at(trakt)
    with monkeypatch.context() as patched:
        patched.setattr("traktauth.migrate.transfer.write_file", lambda *_, **__: {}["unknown"])
        with pytest.raises(KeyError):
            export_login(trakt, "token", tmp_path / "x.json")
    assert trakt.refresh().generation == 2


@pytest.mark.parametrize(
    ("format_name", "text"),
    [
        ("token", "a note\n"),
        ("token", '{"format": 3, "logins": []}'),
        ("token", '{"access_token": "a", "refresh_token": "only here"}'),
        ("pytrakt", '{"OAUTH_TOKEN": "a", "OAUTH_REFRESH": "only here"}'),
        ("pytrakt", '{"version": 1, "data": {"entries": []}}'),
        ("kometa", "trakt:\n  authorization:\n    expires_in: soon\n    refresh_token: only here\n"),
    ],
)
@pytest.mark.parametrize("export", [export_access_token, export_login])
def test_an_export_replaces_no_file_that_holds_something_else(trakt, server, tmp_path, format_name, text, export):
    server.sign_in_at(trakt)
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises((LoginFileError, FormatError)):
        export(trakt, format_name, path)
    assert path.read_text() == text
    assert trakt.refresh().generation == 2


@pytest.mark.parametrize(("format_name", "text"), [("token", ""), ("token", "{}"), ("pytrakt", " \n")])
def test_an_export_fills_an_empty_file(trakt, server, tmp_path, format_name, text):
    server.sign_in_at(trakt)
    path = tmp_path / "file"
    path.write_text(text)
    export_login(trakt, format_name, path)
    assert find_format(format_name).read(path.read_text(), now=0).refresh_token


def test_an_export_that_was_stopped_beyond_its_lease_writes_no_refresh_token(trakt, server, tmp_path, monkeypatch):
    server.sign_in_at(trakt)
    path, key = tmp_path / "x.json", trakt.config.key

    def written_late(*arguments, **more):
        pending = trakt.store.load(key).pending_refresh
        assert trakt.store.apply(key, CancelRefresh(pending, None))  # as another process would after the lease
        write_file(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr("traktauth.migrate.transfer.write_file", written_late)
        with pytest.raises(StoreFailed, match="meanwhile"):
            export_login(trakt, "token", path)
    assert not path.exists()
    assert trakt.refresh().generation == 2


def test_a_login_is_not_imported_a_second_time_into_another_store_of_the_same_folder(trakt, server, file):
    import_from(trakt, source_of(file))
    address = f"{trakt.store.address.rpartition('/')[0]}/another"
    with Trakt(server.app, service=server.url, store=address, clock=server.clock) as other:
        with pytest.raises(FormatError, match="no refresh token"):
            import_from(other, source_of(file))
        with pytest.raises(LoginRequired, match="no import to undo"):
            undo_import(other)
    undo_import(trakt)


@pytest.mark.parametrize("end", ["export", "refresh"])
def test_a_copy_that_a_killed_run_has_left_is_not_imported(trakt, server, file, tmp_path, monkeypatch, end):
    import_from(trakt, source_of(file))
    with monkeypatch.context() as patched:
        patched.setattr(transfer, "remove_copy", lambda *_: None)
        patched.setattr(bound_store, "remove_copy", lambda *_: None)
        export_login(trakt, "token", tmp_path / "exported.json") if end == "export" else trakt.refresh()
    assert load_copy(trakt.store, trakt.config.key) is not None
    with pytest.raises(FormatError, match="no refresh token"):
        import_from(trakt, source_of(file), replace=True)


def test_an_import_does_not_finish_the_copy_of_a_later_one(trakt, server, file, tmp_path, monkeypatch):
    second = write_pytrakt(tmp_path / "second" / ".pytrakt.json", server)
    real = transfer.load_copy
    later = []

    def save_a_later_one(store, key):
        copy = real(store, key)
        if later and copy is not None:
            text = second.read_text()
            fingerprint = find_format("pytrakt").read(text, now=0).token().fingerprint
            copy = replace(copy, path=str(second), text=text, fingerprint=fingerprint, is_finished=False)
            save_copy(store, key, copy)
        return copy

    monkeypatch.setattr(transfer, "load_copy", save_a_later_one)
    monkeypatch.setattr(
        transfer, "_take_from", lambda *given, real=transfer._take_from: (real(*given), later.append(1))
    )
    import_from(trakt, source_of(file))
    assert not real(trakt.store, trakt.config.key).is_finished


@pytest.mark.parametrize("moment", ["after the first has looked", "before the first renames"])
def test_two_exports_to_one_new_path_lose_no_login(trakt, server, tmp_path, monkeypatch, moment):
    server.sign_in_at(trakt)
    path, ends = tmp_path / "x.json", []
    with Trakt(server.app, service=server.url, store=f"file:{tmp_path}/other.json", clock=server.clock) as other:
        server.sign_in_at(other, "mary")
        name = "resolve" if moment == "after the first has looked" else "_identity"
        real, calls = (
            getattr(login_file, name),
            iter(["the first look", "the second"] if name == "resolve" else ["once"]),
        )

        def meanwhile(*arguments):
            if next(calls, None) in ("the second", "once"):
                monkeypatch.setattr(login_file, name, real)
                ends.append(export(other))
            return real(*arguments)

        def export(login):
            try:
                export_login(login, "token", path)
            except LoginFileError:
                return login.token().refresh_token
            return json.loads(path.read_text())["refresh_token"]

        monkeypatch.setattr(login_file, name, meanwhile)
        ends.append(export(trakt))
        assert len(set(ends)) == 2
        assert sorted(login.status().reason == "moved" for login in (trakt, other)) == [False, True]
    assert json.loads(path.read_text())["refresh_token"] in ends
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".traktauth")] == []


def fail_to_sync(monkeypatch, folder, *, error, times):
    """Let syncing a folder fail with these errors, one after another; None succeeds."""
    real, left = os.fsync, list(times)

    def fsync(descriptor):
        if os.fstat(descriptor).st_ino == folder.stat().st_ino and left and left.pop(0):
            raise OSError(error, os.strerror(error))
        real(descriptor)

    replace_in_this_thread(monkeypatch, os, "fsync", fsync)


def test_an_export_into_a_folder_that_cannot_be_synced_leaves_the_login_here(trakt, server, tmp_path, monkeypatch):
    server.sign_in_at(trakt)
    path = tmp_path / "home" / "login.json"
    path.parent.mkdir()
    fail_to_sync(monkeypatch, path.parent, error=errno.EIO, times=[True])
    with pytest.raises(StoreFailed, match="cannot be synced"):
        export_login(trakt, "token", path)
    assert not path.exists()
    assert trakt.refresh().generation == 2


def test_an_export_whose_file_may_not_be_on_the_disk_leaves_one_holder_and_is_taken_up(
    trakt, server, tmp_path, monkeypatch
):
    server.sign_in_at(trakt)
    path = tmp_path / "home" / "login.json"
    path.parent.mkdir()
    fail_to_sync(monkeypatch, path.parent, error=errno.EIO, times=[False, True])
    with pytest.raises(LoginFileError, match="was written"):
        export_login(trakt, "token", path)
    assert "refresh_token" in json.loads(path.read_text())
    with pytest.raises(TryLater, match="being moved"):
        trakt.refresh()
    export_login(trakt, "token", path)
    assert trakt.status().reason == "moved"


def test_an_export_works_on_a_file_system_that_does_not_sync_folders(trakt, server, tmp_path, monkeypatch):
    server.sign_in_at(trakt)
    path = tmp_path / "home" / "login.json"
    path.parent.mkdir()
    fail_to_sync(monkeypatch, path.parent, error=errno.EINVAL, times=[True, True])
    export_login(trakt, "token", path)
    assert trakt.status().reason == "moved"


# ------------------------------------------------------------ the real PyTrakt
@pytest.mark.slow
def test_a_file_of_the_real_pytrakt_is_imported(tmp_path, pytrakt_python):
    with LocalTrakt() as server:
        env = command_environment(server, tmp_path, f"file:{tmp_path}/login.json")
        path = tmp_path / "home" / ".pytrakt.json"
        path.parent.mkdir()
        step = ["device", server.app.client_id, server.app.client_secret]
        command = [pytrakt_python, "-u", PYTRAKT, server.url, path, *step]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as signing:
            shown = ""
            for line in signing.stdout:
                shown += line
                if found := re.search(r"Your user code is: (\w+),", line):
                    server.approve_device(found[1])
        assert signing.returncode == 0, shown
        before = path.read_text()
        done = subprocess.run(
            [sys.executable, "-m", "traktauth", "import", "pytrakt", "--json"],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["username"] == "sean"
        after = json.loads(path.read_text())
        assert after == {**json.loads(before), "OAUTH_REFRESH": None}
        called = subprocess.run(
            [pytrakt_python, PYTRAKT, server.url, path, "settings"], env=env, check=True, capture_output=True, text=True
        )
        assert "sean" in called.stdout, "PyTrakt works until its access token expires"
