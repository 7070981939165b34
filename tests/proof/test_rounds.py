"""Eight processes, twenty rounds, on every store that processes can share, at the real engine."""

from __future__ import annotations

from pathlib import Path

import keyring
import pytest

from proof.worker_processes import ready, refresh_in_rounds
from support import keyring_in_file
from traktauth.stores.encryption import new_key

pytestmark = pytest.mark.slow

PROCESSES = 8
STORES = ["file", "sqlite", "sealed+file", "sealed+sqlite", "keyring", "redis", "postgres", "sealed+postgres"]


@pytest.fixture(params=STORES)
def address(request, tmp_path, monkeypatch):
    monkeypatch.setenv("TRAKTAUTH_SEAL_KEY", new_key())
    seal, _, kind = request.param.rpartition("+")
    if kind in {"redis", "postgres"}:
        place = request.getfixturevalue(f"{kind}_address")
        return f"{seal}+{place}" if seal else place
    if kind == "keyring":
        share_keyring(tmp_path, monkeypatch)
        return "keyring:"
    return f"{request.param}:{tmp_path}/logins"


def share_keyring(folder, monkeypatch):
    """Give this process, and those it starts, a keyring and a place for the sealed file."""
    monkeypatch.setenv("TESTS_KEYRING", str(folder / "entries"))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "support.keyring_in_file.InFile")
    keyring.set_keyring(keyring_in_file.InFile())


@pytest.fixture(autouse=True)
def _keyring():
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_eight_processes_refresh_once_a_round_on_each_store(group):
    workers = [group.start(("blocking", "async")[number % 2]) for number in range(PROCESSES)]
    ready(*workers)
    refresh_in_rounds(workers, group.proxy, group.engine)
