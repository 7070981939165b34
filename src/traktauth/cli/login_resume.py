"""A device sign-in that was interrupted, kept until its code expires: `traktauth login --resume`."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, cast

from traktauth.errors import LoginRefused, StoreFailed
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.models import LoginKey
from traktauth.models.device_code import DeviceCode
from traktauth.stores.file import atomic_file
from traktauth.stores.open import default_folder
from traktauth.stores.redaction import Hidden

_TYPES: dict[str, type] = {
    "device_code": str, "user_code": str, "verification_url": str, "expires_in": int, "interval": int
}  # fmt: skip


class PendingLogin:
    """The file of one account's pending device sign-in.

    It holds the device code, which is worth a token until it expires, and is readable by this user alone.

    Args:
        login: whose sign-in it is.
    """

    def __init__(self, login: LoginKey) -> None:
        self._login = login

    def save(self, device: DeviceCode) -> None:
        """Keep a device code; a folder that cannot be written does not end the sign-in."""
        members = {"expires_at": time.time() + device.expires_in, **self._key(), "device": asdict(device)}
        with suppress(OSError, StoreFailed):
            path = self._path()
            atomic_file.make_folder(os.path.dirname(path))  # noqa: PTH120 - paths are text, as in the stores
            atomic_file.replace(path, Hidden(json.dumps(members).encode()), durable=False)

    def load(self) -> DeviceCode:
        """Return the device code, with the seconds that it is still valid.

        Raises:
            LoginRefused: no code is stored, it has expired, or it belongs to another app; it is removed.
        """
        members = self._read()
        if members is None:
            raise _refusal(f"Account {self._login.account} has no interrupted device sign-in to resume", "Start one: ")
        try:
            device, left = _device(members["device"]), int(members["expires_at"] - time.time())
            key = {name: str(members[name]) for name in self._key()}
        except (KeyError, TypeError, ValueError, OverflowError):
            self.remove()
            raise _refusal("The file of the interrupted sign-in is damaged; it was removed") from None
        if key != self._key():
            self.remove()
            raise _refusal(
                f"The interrupted sign-in belongs to the app {key['client_id'][:8]}… at {key['service']}, and the "
                f"settings name {self._login.client_id[:8]}… at {self._login.realm}; it was removed",
                error="foreign_app",
            )
        if left <= 0:
            self.remove()
            expired = "The device code of the interrupted sign-in has expired; it was removed"
            raise _refusal(expired, error="expired_token")
        return replace(device, expires_in=min(left, device.expires_in))

    def seconds_left(self) -> float:
        """Return how long the kept code is still valid; 0 if no code is stored."""
        members = self._read() or {}
        expires_at = members.get("expires_at")
        return max(0.0, expires_at - time.time()) if isinstance(expires_at, float) else 0.0

    def remove(self) -> None:
        """Forget the code."""
        with suppress(OSError, StoreFailed):
            os.unlink(self._path())  # noqa: PTH108 - paths are text, as in the stores

    def _key(self) -> dict[str, str]:
        return {"service": self._login.realm, "client_id": self._login.client_id}

    def _path(self) -> str:
        name = hashlib.sha256(self._login.account.encode()).hexdigest()[:16]
        return os.path.join(default_folder(), f"device-login-{name}.json")  # noqa: PTH118 - the same

    def _read(self) -> dict[str, Any] | None:
        """Return what the file holds, which may be anything; None if it cannot be read."""
        try:
            with open(self._path(), "rb") as file:  # noqa: PTH123 - the same
                members: Any = json.loads(file.read(65536))
        except (OSError, StoreFailed):
            return None
        except ValueError:
            return {}
        return cast("dict[str, Any]", members) if isinstance(members, dict) else {}


def _refusal(message: str, advice: str = "Start again: ", *, error: str = "no_pending_login") -> LoginRefused:
    return LoginRefused(message, error=error, hint=Hint(advice, LOGIN_COMMAND.with_arguments("--device")))


def _device(members: dict[str, Any]) -> DeviceCode:
    """Return the device code in a file.

    Raises:
        KeyError, TypeError, ValueError: it is damaged.
    """
    device = DeviceCode(**members)
    for name, kind in _TYPES.items():
        if type(getattr(device, name)) is not kind:
            raise TypeError(name)
    verifier: Any = device.code_verifier
    if device.interval < 1 or not (verifier is None or isinstance(verifier, str)):
        raise ValueError("interval or code_verifier")
    return device
