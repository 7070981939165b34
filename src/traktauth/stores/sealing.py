"""Where encryption goes in: a document's secret members become one text, and come back from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from traktauth.stores.unreadable import unreadable

if TYPE_CHECKING:
    from typing import Protocol

    class Sealer(Protocol):
        """Encrypts.

        Attributes:
            takes_plain: whether a record that is not sealed is taken as well (`traktauth store reseal`).
        """

        takes_plain: bool

        def seal(self, content: bytes, bound: bytes) -> str:
            """Return the sealed content; it opens with the same bound data only."""
            ...

        def open(self, sealed: str, bound: bytes) -> bytes:
            """Return the content.

            Raises:
                StoreFailed: the key is not at hand, or what is sealed or bound was changed.
            """
            ...

        def newest(self, sealed: str) -> bool:
            """Tell whether this was sealed with the newest key."""
            ...


# What compare-and-swap, the keeper and the doctor need to see. Everything else is sealed.
CLEAR = ("format", "realm", "client_id", "account", "generation", "renewable", "renewal", "moved")


def sealed(document: dict[str, Any], sealer: Sealer | None) -> dict[str, Any]:
    """Return the document with its secrets sealed; as it is where nothing seals."""
    if sealer is None:
        return document
    clear = {name: document[name] for name in CLEAR}
    inside = {name: value for name, value in document.items() if name not in CLEAR}
    token = document["token"]
    clear["expires_at"] = None if token is None else float(token["expires_at"])
    return {**clear, "sealed": sealer.seal(json.dumps(inside).encode(), _bound(clear))}


def unsealed(document: dict[str, Any], sealer: Sealer | None) -> dict[str, Any]:
    """Return the document as it was before it was sealed.

    Raises:
        StoreFailed: it is sealed and there is no key, or the other way round; or it cannot be opened.
    """
    text = document.get("sealed")
    if text is None:
        if sealer is None or sealer.takes_plain:
            return document
        raise unreadable("A login lies here unencrypted; it is left as it is", hint="Seal it: traktauth store reseal")
    if sealer is None:
        raise unreadable("A login lies here encrypted", hint="Open the store as sealed+ADDRESS, with its key")
    clear = {name: value for name, value in document.items() if name not in {"sealed", "expires_at"}}
    inside = sealer.open(str(text), _bound(document))
    return {**clear, **json.loads(inside)}


def is_sealed_newest(document: dict[str, Any], sealer: Sealer) -> bool:
    """Tell whether a document is sealed with the newest key."""
    text = document.get("sealed")
    return isinstance(text, str) and sealer.newest(text)


def key_of_seal(document: Any) -> str | None:  # noqa: ANN401 - whatever stood there
    """Return the id of the key that a document is sealed with; None where it is with none."""
    if not isinstance(document, dict):
        return None
    text = cast("dict[str, Any]", document).get("sealed")
    return text.split(".")[1] if isinstance(text, str) and text.count(".") > 1 else None


def _bound(clear: dict[str, Any]) -> bytes:
    """Return what a sealed text is bound to, so that it opens in its own place only."""
    expires_at = clear.get("expires_at")
    return json.dumps(
        [
            clear.get("realm"),
            clear.get("client_id"),
            clear.get("account"),
            clear.get("generation"),
            None if expires_at is None else float(expires_at),
        ]
    ).encode()
