"""Where encryption goes in: a document's secret members become one text, and come back from it."""

from __future__ import annotations

import json
from typing import Any, Protocol, cast

from traktauth.hints import Hint, ShellCommand
from traktauth.models.record import FORMAT
from traktauth.stores.errors import unreadable


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
