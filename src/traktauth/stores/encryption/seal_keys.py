"""The keys of sealed stores: made, named, and read from the environment or a file."""

from __future__ import annotations

import base64
import binascii
import os
import shlex
from collections.abc import Mapping
from hashlib import sha256

from traktauth.errors import StoreFailed
from traktauth.hints import Hint, ShellCommand
from traktauth.private_files import OTHERS_READ_OR_WRITE, is_own

VARIABLE = "TRAKTAUTH_SEAL_KEY"
FILE_VARIABLE = "TRAKTAUTH_SEAL_KEY_FILE"
ADD_KEY_HINT = f"Add that key to {VARIABLE} or {FILE_VARIABLE}"
MAKE_KEY_HINT = f"Make a key of 32 random bytes in base64, and set {VARIABLE} or {FILE_VARIABLE}"
MAKE_KEY_COMMAND = Hint(
    "Make a key with ", ShellCommand("traktauth store key"), f", and set {VARIABLE} or {FILE_VARIABLE}"
)
_KEY_SIZE = 32
_LARGEST_FILE = 65536


def key_id(key: bytes) -> str:
    """Return the eight hex digits by which a key is named."""
    return sha256(key).hexdigest()[:8]


def new_key() -> str:
    """Return a fresh key as `TRAKTAUTH_SEAL_KEY` takes it."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_SIZE)).decode()


def read_keys(environment: Mapping[str, str]) -> list[bytes]:
    """Return the keys that the environment names, newest first; those of the variable before those of the file.

    Raises:
        ValueError: one of them is not a key.
        StoreFailed: the file cannot be read, or others can read it.
    """
    texts = [(VARIABLE, text) for text in environment.get(VARIABLE, "").split(",")]
    path = environment.get(FILE_VARIABLE)
    if path:
        texts += [(FILE_VARIABLE, line) for line in _read_file(os.path.expanduser(path)).splitlines()]
    return [key_of(where, text.strip()) for where, text in texts if text.strip()]


def key_of(where: str, text: str) -> bytes:
    """Return the key in a text.

    Raises:
        ValueError: it holds something else.
    """
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_SIZE:
        raise ValueError(f"{where} does not hold a key of {_KEY_SIZE} bytes in base64. {MAKE_KEY_HINT}")
    return key


def _read_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if os.name == "posix" and status.st_mode & OTHERS_READ_OR_WRITE:
                raise StoreFailed(
                    f"Others can read the key file {path}", hint=Hint(ShellCommand(f"chmod 600 {shlex.quote(path)}"))
                )
            if not is_own(status, or_roots=True):
                raise StoreFailed(
                    f"The key file {path} belongs to another user",
                    hint=f"Use one of your own: {MAKE_KEY_HINT}",
                    hint_command=Hint("Use one of your own: ", MAKE_KEY_COMMAND),
                )
            return file.read(_LARGEST_FILE).decode("ascii", "replace")
    except OSError as error:
        raise StoreFailed(
            f"The key file {path} cannot be read: {error.strerror}", hint=MAKE_KEY_HINT, hint_command=MAKE_KEY_COMMAND
        ) from error
