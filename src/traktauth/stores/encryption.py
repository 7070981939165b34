"""The seal: AES-256-GCM under the newest of some keys, bound to the place of what is sealed and to what lies beside it.

Keys are read from the environment or a file.

A sealed text is `VERSION.KEY-ID.BASE64`, the last part being the nonce (96 random bits) and the ciphertext. Not
protected against: an older record of the same account that is put back whole, and a record that is deleted.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol, cast

from traktauth.errors import StoreFailed
from traktauth.hints import Hint, ShellCommand
from traktauth.models.record import FORMAT
from traktauth.private_files import OTHERS_READ_OR_WRITE, is_own
from traktauth.stores.errors import missing, unreadable


class Cipher(Protocol):
    """Encrypts.

    Attributes:
        takes_plain: whether a record that is not sealed is taken as well (`traktauth store reseal --take-plain`).
    """

    takes_plain: bool

    def seal(self, content: bytes, bound: bytes) -> str:
        """Return the sealed content; it opens with the same bound data only."""
        ...

    def open(self, sealed: str, bound: bytes) -> bytes:
        """Return the content.

        Raises:
            Altered: what is sealed or bound was changed.
            StoreFailed: the key is missing.
        """
        ...

    def newest(self, sealed: str) -> bool:
        """Return whether this was sealed with the newest key."""
        ...


VERSION = "2"  # of a sealed text
# The members that compare-and-swap, the keeper and doctor need to see. Everything else is sealed, and bound to these.
CLEAR = ("format", "realm", "client_id", "account", "generation", "refreshable", "pending_refresh", "moved_to")
_TAKE_IT = "If it was you who put it there, let the store be sealed"
_TAKE_IT_COMMAND = Hint(
    "If it was you who put it there: ", ShellCommand("traktauth store reseal", "--take-plain", options="store")
)


class Altered(ValueError):
    """A sealed text, or what it is bound to, is not what was sealed."""


def seal(document: dict[str, Any], cipher: Cipher | None) -> dict[str, Any]:
    """Return the document with its secrets sealed; as it is where nothing seals."""
    if cipher is None or not document["account"]:  # an app's entry holds no secret
        return document
    clear = {name: document[name] for name in CLEAR}
    inside = {name: value for name, value in document.items() if name not in clear}
    token = document["token"]
    clear["expires_at"] = None if token is None else float(token["expires_at"])
    return {**clear, "sealed": cipher.seal(json.dumps(inside).encode(), _bound_text(clear))}


def unseal(document: dict[str, Any], cipher: Cipher | None) -> dict[str, Any]:
    """Return the document as it was before it was sealed.

    Raises:
        StoreFailed: it is sealed and no key is given, or the other way round; or it or a member beside it was changed.
    """
    text = document.get("sealed")
    if document.get("format") != FORMAT:
        return document  # of another version, which its reader reports
    if text is None:
        if cipher is None or cipher.takes_plain or document.get("account") == "":
            return document
        raise unreadable(
            "A login lies here unencrypted; it is left as it is",
            hint=_TAKE_IT,
            hint_command=_TAKE_IT_COMMAND,
        )
    if cipher is None:
        raise unreadable("A login lies here encrypted", hint="Open the store as sealed+ADDRESS, with its key")
    try:
        inside = json.loads(cipher.open(str(text), _bound_text(document)))
    except Altered:
        whose = f"{document.get('account')!r} at {document.get('realm')!r}"
        raise unreadable(f"The sealed login {whose} was changed, or is another login's; it is left as it is") from None
    return {**{name: document.get(name) for name in CLEAR}, **inside}


def is_sealed_newest(document: dict[str, Any], cipher: Cipher) -> bool:
    """Return whether a document is sealed with the newest key."""
    text = document.get("sealed")
    return isinstance(text, str) and cipher.newest(text)


def key_of_seal(document: object) -> str | None:
    """Return the id of the key that a document is sealed with; None if it is not sealed."""
    text = cast("dict[str, Any]", document).get("sealed") if isinstance(document, dict) else None
    return text.split(".")[1] if isinstance(text, str) and text.count(".") > 1 else None


def _bound_text(clear: dict[str, Any]) -> bytes:
    """Return what a sealed text is bound to, so that it opens in its own place and beside its own members only."""
    expires_at = clear.get("expires_at")
    members = {name: clear.get(name) for name in CLEAR}
    members["expires_at"] = None if expires_at is None else float(expires_at)
    return json.dumps(members, sort_keys=True).encode()


VARIABLE = "TRAKTAUTH_SEAL_KEY"
FILE_VARIABLE = "TRAKTAUTH_SEAL_KEY_FILE"
ADD_KEY_HINT = f"Add that key to {VARIABLE} or {FILE_VARIABLE}"
MAKE_KEY_HINT = f"Make a key of 32 random bytes in base64, and set {VARIABLE} or {FILE_VARIABLE}"
MAKE_KEY_COMMAND = Hint(
    "Make a key with ", ShellCommand("traktauth store key"), f", and set {VARIABLE} or {FILE_VARIABLE}"
)
_KEY_SIZE = 32
_NONCE_SIZE = 12
_MAX_FILE = 65536


class AesGcmCipher:
    """Some keys: the first seals, all open.

    Args:
        keys: 32 bytes each, newest first; without keys it cannot decrypt, but names the missing key.
        takes_plain: take records that are not sealed as well, so that they can be sealed.
        hint: what to do if a key is missing.

    Raises:
        StoreFailed: the library for it is not installed.
    """

    def __init__(self, keys: Sequence[bytes], *, takes_plain: bool = False, hint: str = ADD_KEY_HINT) -> None:
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
            raise StoreFailed("No key to seal with is set", hint=MAKE_KEY_HINT, hint_command=MAKE_KEY_COMMAND)
        nonce = os.urandom(_NONCE_SIZE)
        ciphertext = self._ciphers[newest].encrypt(nonce, content, _associated_data(bound))
        return f"{VERSION}.{newest}.{base64.urlsafe_b64encode(nonce + ciphertext).decode()}"

    def open(self, sealed: str, bound: bytes) -> bytes:
        """Return the content.

        Raises:
            Altered: what is sealed or bound was changed.
            StoreFailed: the key is missing.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see above

        version, _, rest = sealed.partition(".")
        name, _, text = rest.partition(".")
        if version != VERSION:
            raise unreadable(
                f"A login is sealed in version {version[:8]!r}; this version of traktauth reads version {VERSION}",
                hint="Use the version of traktauth that wrote it, or move the store away and sign in again",
            )
        cipher = self._ciphers.get(name)
        if cipher is None:
            known = ", ".join(self._ciphers) or "none"
            raise unreadable(
                f"A login is sealed with the key {name[:8]!r}, which is missing (available: {known})",
                hint=self._hint,
            )
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
            return cipher.decrypt(raw[:_NONCE_SIZE], raw[_NONCE_SIZE:], _associated_data(bound))
        except (InvalidTag, ValueError):
            raise Altered from None

    def newest(self, sealed: str) -> bool:
        """Return whether this was sealed with the newest key."""
        return sealed.startswith(f"{VERSION}.{self._newest()}.")

    def _newest(self) -> str | None:
        return next(iter(self._ciphers), None)

    def __repr__(self) -> str:
        return f"AesGcmCipher({', '.join(self._ciphers)})"


def _associated_data(bound: bytes) -> bytes:
    return VERSION.encode() + b"\n" + bound


# ---------------------------------------------------------------- keys
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
            return file.read(_MAX_FILE).decode("ascii", "replace")
    except OSError as error:
        raise StoreFailed(
            f"The key file {path} cannot be read: {error.strerror}", hint=MAKE_KEY_HINT, hint_command=MAKE_KEY_COMMAND
        ) from error
