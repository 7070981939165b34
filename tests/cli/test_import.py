"""`traktauth import` and `export` in this process: exit codes, messages and hints; the steps are in tests/migrate."""

from __future__ import annotations

import json
import time

import pytest

from support.login_files import login_text
from traktauth.cli.keep.command import open_fleet
from traktauth.errors import TraktAuthError
from traktauth.models.store_address import is_shared_store
from traktauth.testing import LocalTrakt


@pytest.fixture
def server():
    with LocalTrakt() as server:
        yield server


@pytest.fixture
def run(server, command_line, tmp_path):
    """Run a command for the server's app and a file store."""
    return command_line(server.url, server.app, f"file:{tmp_path}/store/login.json")


@pytest.fixture
def file(run, server):
    """The file of PyTrakt in its usual place."""
    path = run.folder / ".pytrakt.json"
    path.write_text(login_text("pytrakt", server))
    return path


def refresh_token_in(path):
    return json.loads(path.read_text())["OAUTH_REFRESH"]


# ------------------------------------------------------------ what is shown
def test_an_import_says_whose_login_it_is_and_until_when_the_other_program_works(run, file):
    done = run("import", "pytrakt")
    assert done.status == 0, done.err
    assert "✓ Imported the login of sean as account default" in done.err
    assert "The other program works until 20" in done.err
    assert refresh_token_in(file) is None
    assert ", earlier" in run("import", "pytrakt").err


def test_two_holders_of_a_refresh_token_are_warned_of(run, file):
    assert "! Two programs have this refresh token now." in run("import", "pytrakt", "--keep-source").err
    assert refresh_token_in(file) is not None


def test_a_refresh_that_leaves_the_spent_token_in_the_file_is_warned_of(run, file, server):
    server.expire("access", json.loads(file.read_text())["OAUTH_TOKEN"])
    assert "the refresh token in the file is spent" in run("import", "pytrakt", "--keep-source", "--refresh").err


def test_it_is_one_line_of_json_for_programs(run, file):
    done = run("import", "pytrakt", "--json")
    assert (done.status, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["account"], found["username"]) == ("default", "sean")
    assert found["expires_at"] > time.time()
    undone = json.loads(run("import", "pytrakt", "--undo", "--json").out)
    assert undone == {"account": "default", "undone": True, "kept": False, "path": str(file.resolve())}


def test_a_token_comes_by_standard_input(run, server):
    done = run("import", "token", stdin=login_text("token", server))
    assert done.status == 0, done.err
    assert "Imported the login of sean" in done.err
    assert "Remove the copies of this token" in done.err


def test_standard_input_without_an_end_is_not_read_to_the_end(run):
    done = run("import", "token", stdin=" " * (20 * 1024 * 1024 + 1))
    assert (done.status, done.err) == (1, "Error: Standard input is larger than 20 MiB; it is not a login file\n")


def test_without_an_app_the_files_is_used_also_by_undo(run, file, server):
    for name in ("CLIENT_ID", "CLIENT_SECRET"):
        del run.env[f"TRAKTAUTH_{name}"]
    before = file.read_bytes()
    done = run("import", "pytrakt")
    assert done.status == 0, done.err
    assert f"Keep the file's app: set TRAKTAUTH_CLIENT_ID={server.app.client_id} and its secret" in done.err
    assert server.app.client_secret not in done.err
    assert run("import", "pytrakt", "--undo").status == 0
    assert file.read_bytes() == before


def test_a_refresh_leaves_the_other_program_without_a_valid_token(run, file, server):
    source = json.loads(file.read_text())
    server.expire("access", source["OAUTH_TOKEN"])
    done = run("import", "pytrakt", "--refresh")
    assert done.status == 0, done.err
    assert "Imported the login of sean" in done.err, "the user is read after the refresh"
    assert "The other program has no valid token any more" in done.err
    assert "works until" not in done.err


# ------------------------------------------------------------ what ends it
def test_what_cannot_be_imported_says_where(run, file):
    file.write_text("{damaged")
    assert "not valid JSON (line 1, column 2)" in run("import", "pytrakt").err


# ------------------------------------------------------------ undo
def test_undo_says_where_the_login_is(run, file):
    before = file.read_bytes()
    run("import", "pytrakt")
    done = run("import", "pytrakt", "--undo")
    assert done.status == 0
    assert f"✓ The imported login is back in {file.resolve()}, and forgotten here" in done.err
    assert "traktauth login" not in done.err
    assert "signed out" not in done.err
    assert file.read_bytes() == before
    again = run("import", "pytrakt", "--undo", "--account", "default")
    assert again.status == 4
    assert "See which logins are here: traktauth status --account default" in again.err


def test_undo_of_a_replaced_login_says_that_the_other_one_stays(run, file, server, tmp_path):
    before = file.read_bytes()
    run("import", "pytrakt")
    other = tmp_path / "other.json"
    other.write_text(login_text("pytrakt", server, "mary"))
    run("import", "pytrakt", str(other), "--replace", "--keep-source")
    done = run("import", "pytrakt", "--undo")
    assert done.status == 0, done.err
    assert "is back in" in done.err
    assert "Account default keeps the login that replaced it." in done.err
    assert file.read_bytes() == before
    assert "mary" in run("status").out


# ------------------------------------------------------------ export
def test_an_export_names_keep_for_the_stores_that_it_takes(run, file, tmp_path):
    run("import", "pytrakt", "--account", "py")
    done = run("export", "pytrakt", "lent.json", "--access-only", "--account", "py")
    assert "keep --write" not in done.err
    assert "traktauth export pytrakt --account py lent.json --access-only" in done.err
    sqlite = f"sqlite:{tmp_path}/logins.sqlite"
    assert run("store", "move", f"file:{tmp_path}/store/login.json", sqlite).status == 0
    run.env["TRAKTAUTH_STORE"] = sqlite
    done = run("export", "pytrakt", "lent.json", "--access-only", "--account", "py")
    assert "each refresh: TRAKTAUTH_ACCOUNT=py traktauth keep --write pytrakt:lent.json" in done.err


@pytest.mark.parametrize(
    "kind", ["file:{}", "sqlite:{}", "memory:", "redis://127.0.0.1:9", "postgresql://127.0.0.1:9/x"]
)
def test_a_shared_store_is_one_that_keep_opens(kind, tmp_path):
    address = kind.format(tmp_path / "store")
    try:
        open_fleet(address).close()
        is_taken = True
    except TraktAuthError as error:
        is_taken = "keep needs sqlite:" not in error.message
    assert is_shared_store(address) is is_taken


def test_a_token_is_printed_without_its_refresh_token(run, file):
    run("import", "pytrakt")
    done = run("export", "token", "-", "--access-only")
    assert json.loads(done.out)["access_token"]
    assert "refresh_token" not in {name for name, value in json.loads(done.out).items() if value}
