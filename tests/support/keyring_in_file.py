"""A keyring of the tests', in a file, so that several processes have the same one: PYTHON_KEYRING_BACKEND names it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class InFile(KeyringBackend):
    """Entries in the file that TESTS_KEYRING names; each write replaces it whole."""

    priority = 1

    def get_password(self, service, username):
        return self._entries().get(f"{service} {username}")

    def set_password(self, service, username, password):
        written = Path(f"{os.environ['TESTS_KEYRING']}.{os.getpid()}")
        written.write_text(json.dumps({**self._entries(), f"{service} {username}": password}))
        written.replace(os.environ["TESTS_KEYRING"])

    def _entries(self):
        path = Path(os.environ["TESTS_KEYRING"])
        return json.loads(path.read_text()) if path.exists() else {}
