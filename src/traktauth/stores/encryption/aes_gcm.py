"""The seal: AES-256-GCM under the newest of some keys, bound to the place of what is sealed and to what lies beside it.

A sealed text is `VERSION.KEY-ID.BASE64`, the last part being the nonce (96 random bits) and the ciphertext. Version 1,
which was bound to less, is still opened; `reseal` and every change write version 2. Not protected against: an older
record of the same account that is put back whole, and a record that is deleted.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

from traktauth.errors import StoreFailed
from traktauth.stores.encryption.envelope import VERSION, Altered
from traktauth.stores.encryption.seal_keys import ADD_KEY_HINT, MAKE_KEY_COMMAND, MAKE_KEY_HINT, key_id
from traktauth.stores.errors import missing, unreadable

_NONCE_SIZE = 12


class AesGcmCipher:
    """Some keys: the first seals, all open.

    Args:
        keys: 32 bytes each, newest first; none can open or seal nothing, but says which key is wanted.
        takes_plain: take records that are not sealed as well, so that they can be sealed.
        hint: what to do where a key is wanted that is not among them.

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
            StoreFailed: the key is not at hand.
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
            at_hand = ", ".join(self._ciphers) or "none"
            raise unreadable(
                f"A login is sealed with the key {name[:8]!r}, which is not at hand (at hand: {at_hand})",
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
