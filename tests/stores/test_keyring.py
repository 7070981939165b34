"""Tokens in a sealed file whose key lies in the keyring."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordSetError

from support.stores import Closing
from traktauth.errors import StoreFailed
from traktauth.models.changes import Reencrypt
from traktauth.stores.file.file_lock import locked
from traktauth.stores.keyring import KeyringCipher, KeyringStore
from traktauth.stores.open import open_store
from traktauth.testing import StoreContract
from traktauth.testing.store_contract.base import LOGIN, pair, signed_in


class InMemory(KeyringBackend):
    """A keyring as the systems have them: entries of at most 2.5 kB, one caller at a time."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.entries, self.calls, self.error, self.delay = {}, [], None, 0.0

    def _asked(self, what):
        self.calls.append(what)
        time.sleep(self.delay)
        if self.error is not None:
            raise self.error

    def get_password(self, service, username):
        self._asked("get")
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self._asked("set")
        assert len(password) < 2500
        self.entries[service, username] = password

    def delete_password(self, service, username):
        del self.entries[service, username]


@pytest.fixture(autouse=True)
def backend():
    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "traktauth"


class TestKeyring(Closing, StoreContract):
    shared_by_processes = False  # as the keyring of these tests is in memory

    def open_store(self, place):
        return self.opened(KeyringStore(f"{place}/keyring.json"))


def test_the_key_lies_in_the_keyring_and_the_tokens_sealed_in_a_file(backend, folder):
    store = open_store("keyring:")
    assert store.address == "keyring:"
    signed_in(store)
    assert list(backend.entries) == [("traktauth", "seal-key")]
    content = (folder / "keyring.json").read_text()
    assert "refresh-1" not in content
    assert '"sealed"' in content
    assert open_store("keyring:").load(LOGIN).token == pair(1)


def test_a_valid_token_reads_the_keyring_once(backend):
    store = open_store("keyring:")
    signed_in(store)
    store.load(LOGIN)
    calls = len(backend.calls)
    for _ in range(5):
        store.load(LOGIN)
    assert len(backend.calls) == calls


def verbs(store):
    yield lambda: store.load(LOGIN)
    yield store.check_writable
    yield lambda: signed_in(store)


def test_without_a_keyring_the_command_that_fixes_it_is_named():
    keyring.set_keyring(keyring.backends.fail.Keyring())
    for verb in verbs(open_store("keyring:")):
        with pytest.raises(StoreFailed, match="This machine has no keyring") as caught:
            verb()
        assert "apt-get install" in caught.value.hint
        assert "use the store sealed+file:" in caught.value.hint


def test_a_key_that_another_program_makes_meanwhile_is_used(backend, tmp_path):
    lock = str(tmp_path / "lock")
    ours, theirs = KeyringCipher(lock), KeyringCipher(str(tmp_path / "another"))
    with ThreadPoolExecutor(1) as pool:
        with locked(lock, 5.0):
            sealing = pool.submit(ours.seal, b"content", b"place")
            while len(backend.calls) < 1:  # it has seen that it is missing
                time.sleep(0.001)
            sealed = theirs.seal(b"content", b"place")
        assert theirs.open(sealing.result(), b"place") == b"content"
    assert ours.newest(sealed)
    assert backend.calls.count("set") == 1


def test_what_is_sealed_with_the_key_need_not_be_sealed_again():
    store = open_store("keyring:")
    assert not store.apply(LOGIN, Reencrypt()), "the key is missing"
    signed_in(store)
    assert not store.apply(LOGIN, Reencrypt())


def test_a_keyring_that_stores_nothing_is_reported():
    keyring.set_keyring(keyring.backends.null.Keyring())
    with pytest.raises(StoreFailed, match="has not kept the key"):
        signed_in(open_store("keyring:"))


@pytest.mark.parametrize(
    ("error", "words"), [(KeyringLocked("x"), "locked"), (PasswordSetError("x"), "failed"), (OSError("x"), "failed")]
)
def test_a_keyring_that_refuses_is_reported(backend, error, words):
    backend.error = error
    for verb in verbs(open_store("keyring:")):
        with pytest.raises(StoreFailed, match=words):
            verb()


def test_a_keyring_that_does_not_answer_is_not_waited_for_long(backend, monkeypatch):
    monkeypatch.setattr("traktauth.stores.keyring.LIMIT", 0.1)
    backend.delay = 60.0
    with pytest.raises(StoreFailed, match="did not answer within"):
        open_store("keyring:").load(LOGIN)


def test_another_key_in_the_keyring_is_reported_with_the_wanted_one(backend, folder):
    signed_in(open_store("keyring:"))
    backend.entries.clear()
    before = (folder / "keyring.json").read_bytes()
    with pytest.raises(StoreFailed, match=r"sealed with the key '[0-9a-f]{8}', which is missing") as caught:
        open_store("keyring:").load(LOGIN)
    assert "The keyring holds another key" in caught.value.hint
    assert (folder / "keyring.json").read_bytes() == before


def test_an_entry_that_is_not_a_key_is_refused(backend):
    backend.entries["traktauth", "seal-key"] = "hunter2"
    with pytest.raises(StoreFailed, match="no key") as caught:
        signed_in(open_store("keyring:"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("library", "extra"), [("keyring", "keyring"), ("cryptography.hazmat.primitives.ciphers.aead", "seal")]
)
def test_a_missing_library_is_named(library, extra):
    code = f"""
import sys
sys.modules["{library}"] = None
from traktauth.stores.open import open_store
from traktauth.errors import StoreFailed
try:
    open_store("keyring:")
except StoreFailed as error:
    print(error.message, error.hint)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f"pip install 'traktauth[{extra}]'" in said


def test_no_address_of_it_has_a_path():
    for address in ("keyring:x", "sealed+keyring:"):
        with pytest.raises(ValueError, match="keyring:"):
            open_store(address)
