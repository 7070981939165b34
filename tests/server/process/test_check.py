"""`--check`: everything is read and checked, nothing is made; `test_storage.py` has what concerns the database."""

from __future__ import annotations

import pytest

from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.process.serve import check_config
from traktauth.server.settings import Settings

SEED = {"apps": [{"client_id": "a", "client_secret": "s", "redirect_uris": ["x:/y"]}], "users": []}


def test_the_result_describes_what_would_be_served(tmp_path):
    settings = Settings(
        profile="classic",
        database=f"sqlite:{tmp_path / 'db'}",
        seed=SEED,
        faults=[{"path": "/oauth/token", "status": 503}],
    )
    assert check_config(settings) == {
        "profile": "classic",
        "measured_on": "Doorkeeper 5.6.6 on Rails 7.2.2",
        "rotation": "until-used",
        "database": {"address": f"sqlite:{tmp_path / 'db'}", "state": "new"},
        "apps": 1,
        "users": 0,
        "faults": 1,
        "responses": 0,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_has_been_served_is_ready_and_stays_as_it_was(tmp_path):
    database = f"sqlite:{tmp_path / 'db'}"
    with EmbeddedServer(Settings(port=0, database=database)):
        pass
    before = (tmp_path / "db").read_bytes()
    assert check_config(Settings(database=database))["database"]["state"] == "ready"
    assert (tmp_path / "db").read_bytes() == before


@pytest.mark.parametrize("name", ["seed", "faults"])
@pytest.mark.parametrize("content", ["{", '"x"', '{"apps": 5}', '[{"path": 5}]'])
def test_invalid_files_are_refused(tmp_path, name, content):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(ValueError, match=r"seed|fault"):
        check_config(Settings(database="memory:", **{name: str(tmp_path / "file.json")}))


def test_a_log_or_a_host_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ValueError, match="access_log"):
        check_config(Settings(database="memory:", access_log=tmp_path / "none" / "log"))
    with pytest.raises(ValueError, match="it is a folder"):
        check_config(Settings(database="memory:", access_log=str(tmp_path)))
    with pytest.raises(ValueError, match=r"host no\.such\.host\.invalid cannot be found"):
        check_config(Settings(database="memory:", host="no.such.host.invalid", insecure=True, plain_http=True))
