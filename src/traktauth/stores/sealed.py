"""The seal: AES-256-GCM under the newest of some keys, bound to the place of what is sealed.

A sealed text is `VERSION.KEY-ID.BASE64`, the last part being the nonce (96 random bits) and the ciphertext. Not
protected against: an older record of the same account that is put back whole.
"""

from __future__ import annotations

import base64
import binascii
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from traktauth.errors import StoreFailed
from traktauth.stores.extras import missing
from traktauth.stores.unreadable import unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "TRAKTAUTH_SEAL_KEY"
FILE_VARIABLE = "TRAKTAUTH_SEAL_KEY_FILE"
_VERSION = "1"
_KEY_SIZE = 32
_NONCE_SIZE = 12
_LARGEST_FILE = 65536
_ADD_IT = f"Add that key to {VARIABLE} or {FILE_VARIABLE}"
_MAKE_ONE = f"Make a key with traktauth store key, and set {VARIABLE} or {FILE_VARIABLE}"


class Seal:
    """Some keys: the first seals, all open.

    Args:
        keys: 32 bytes each, newest first; none can open or seal nothing, but says which key is wanted.
        takes_plain: take records that are not sealed as well, so that they can be sealed.
        hint: what to do where a key is wanted that is not among them.

    Raises:
        StoreFailed: the library for it is not installed.
    """

    def __init__(self, keys: Sequence[bytes], *, takes_plain: bool = False, hint: str = _ADD_IT) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only a sealed store
        except ImportError as error:
            raise missing("seal", error) from error
        self._ciphers = {key_id(key): AESGCM(key) for key in keys}
        self.takes_plain = takes_plain
        self._hint = hint

    def seal(self, content: bytes, bound: bytes) -> str:
        """Return the sealed content; it opens with the same bound data only."""
        newest = self._newest()
        if newest is None:
            raise StoreFailed("There is no key to seal with", hint=_MAKE_ONE)
        nonce = os.urandom(_NONCE_SIZE)
        ciphertext = self._ciphers[newest].encrypt(nonce, content, _associated(bound))
        return f"{_VERSION}.{newest}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"

    def open(self, sealed: str, bound: bytes) -> bytes:
        """Return the content.

        Raises:
            StoreFailed: the key is not at hand, or what is sealed or bound was changed.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see above

        version, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        if version != _VERSION:
            raise unreadable(
                f"A login is sealed in the way {version[:8]!r}; this version of traktauth knows {_VERSION}",
                hint="Use the version of traktauth that wrote it, or a later one",
            )
        cipher = self._ciphers.get(name)
        if cipher is None:
            at_hand = ", ".join(self._ciphers) or "none"
            raise unreadable(
                f"A login is sealed with the key {name[:8]!r}, which is not at hand (at hand: {at_hand})",
                hint=self._hint,
            )
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
            return cipher.decrypt(raw[:_NONCE_SIZE], raw[_NONCE_SIZE:], _associated(bound))
        except (InvalidTag, ValueError):
            raise unreadable("A sealed login was changed, or is another login's; it is left as it is") from None

    def newest(self, sealed: str) -> bool:
        """Tell whether this was sealed with the newest key."""
        return sealed.startswith(f"{_VERSION}.{self._newest()}.")

    def _newest(self) -> str | None:
        return next(iter(self._ciphers), None)

    def __repr__(self) -> str:
        return f"Seal({', '.join(self._ciphers)})"


def key_id(key: bytes) -> str:
    """Return the eight hex digits by which a key is named."""
    return sha256(key).hexdigest()[:8]


def new_key() -> str:
    """Return a fresh key as `TRAKTAUTH_SEAL_KEY` takes it."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_SIZE)).decode()


def read_keys(environment: Mapping[str, str]) -> list[bytes]:
    """Return the keys that the environment names, newest first; those of the variable before those of the file.

    Raises:
        ValueError: one of them is no key.
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
        ValueError: it is none.
    """
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_SIZE:
        raise ValueError(f"{where} holds something that is no key of {_KEY_SIZE} bytes in base64. {_MAKE_ONE}")
    return key


def _read_file(path: str) -> str:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if os.name == "posix" and status.st_mode & 0o077:
                raise StoreFailed(f"Others can read the key file {path}", hint=f"chmod 600 '{path}'")
            if hasattr(os, "geteuid") and status.st_uid not in {0, os.geteuid()}:
                raise StoreFailed(
                    f"The key file {path} belongs to another user", hint=f"Use one of your own: {_MAKE_ONE}"
                )
            return file.read(_LARGEST_FILE).decode("ascii", "replace")
    except OSError as error:
        raise StoreFailed(f"The key file {path} cannot be read: {error.strerror}", hint=_MAKE_ONE) from error


def _associated(bound: bytes) -> bytes:
    return _VERSION.encode() + b"\n" + bound
