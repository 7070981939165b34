"""Records of another version of traktauth are refused, and left as they are."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from traktauth.errors import StoreFailed
from traktauth.models import LoginKey, Token
from traktauth.models.changes import SaveToken
from traktauth.models.record import FORMAT
from traktauth.stores.open import open_store

LOGIN = LoginKey("trakt", "app", "living-room")
TOKEN = Token("access", refresh_token="refresh", expires_in=60, created_at=1, expires_at=61.0, generation=1)
OTHER_FORMATS = [FORMAT - 1, FORMAT + 1, "2", None]


def save(address):
    with closing(open_store(address)) as store:
        assert store.apply(LOGIN, SaveToken(TOKEN, 0, 1.0))


def assert_refused(address, version):
    with closing(open_store(address)) as store, pytest.raises(StoreFailed, match="left as it is") as caught:
        store.load(LOGIN)
    assert repr(version) in str(caught.value)
    assert "the version of traktauth that wrote it" in caught.value.hint


@pytest.mark.parametrize("version", OTHER_FORMATS)
def test_a_record_of_another_format_in_a_file_is_refused(tmp_path, version):
    path = tmp_path / "login.json"
    save(f"file:{path}")
    document = json.loads(path.read_text())
    document["logins"][0]["format"] = version
    path.write_text(json.dumps(document))
    before = path.read_bytes()
    assert_refused(f"file:{path}", version)
    assert path.read_bytes() == before
