"""A device sign-in that was interrupted, kept until its code expires: `traktauth login --resume`."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from traktauth.errors import LoginRefused, StoreFailed
from traktauth.hints import LOGIN_COMMAND, Hint
from traktauth.models import LoginKey
from traktauth.models.token import DeviceCode
from traktauth.stores.errors import Hidden
from traktauth.stores.file import atomic_file
from traktauth.stores.open import default_folder


class PendingLogin:
    """The file of one account's pending device sign-in.

    It holds the device code, which is worth a token until it expires, and is readable by this user alone.
    """

    def __init__(self, login: LoginKey) -> None:
        self._login = login
        self._app = [login.realm, login.client_id]

    def save(self, device: DeviceCode) -> None:
        """Keep a device code; a folder that cannot be written does not end the sign-in."""
        members = {"expires_at": time.time() + device.expires_in, "app": self._app, "device": asdict(device)}
        with suppress(OSError, StoreFailed):
            path = self._path()
            atomic_file.make_folder(str(path.parent))
            atomic_file.replace(str(path), Hidden(json.dumps(members).encode()), durable=False)

    def load(self) -> DeviceCode:
        """Return the device code, with the seconds that it is still valid.

        Raises:
            LoginRefused: no code is stored, it has expired, or it belongs to another app; it is removed.
        """
        try:
            members = self._read()
            (realm, client_id), device = map(str, members["app"]), _device(members["device"])
            left = int(members["expires_at"] - time.time())
        except (OSError, StoreFailed):
            message = f"Account {self._login.account} has no interrupted device sign-in to resume"
            raise _refusal(message, "Start one: ") from None
        except (KeyError, TypeError, ValueError, OverflowError):
            self.remove()
            raise _refusal("The file of the interrupted sign-in is damaged; it was removed") from None
        if [realm, client_id] != self._app:
            self.remove()
            raise _refusal(
                f"The interrupted sign-in belongs to the app {client_id[:8]}… at {realm}, and the settings name "
                f"{self._login.client_id[:8]}… at {self._login.realm}; it was removed",
                error="foreign_app",
            )
        if left <= 0:
            self.remove()
            expired = "The device code of the interrupted sign-in has expired; it was removed"
            raise _refusal(expired, error="expired_token")
        return replace(device, expires_in=min(left, device.expires_in))

    def seconds_left(self) -> float:
        """Return for how many seconds the code is still valid; 0 without a code."""
        try:
            return float(self._read()["expires_at"]) - time.time()
        except (OSError, StoreFailed, KeyError, TypeError, ValueError):
            return 0.0

    def remove(self) -> None:
        """Forget the code."""
        with suppress(OSError, StoreFailed):
            self._path().unlink()

    def _path(self) -> Path:
        name = hashlib.sha256(self._login.account.encode()).hexdigest()[:16]
        return Path(default_folder(), f"device-login-{name}.json")

    def _read(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self._path().read_bytes()))  # anything, if it is damaged


def _refusal(message: str, advice: str = "Start again: ", *, error: str = "no_pending_login") -> LoginRefused:
    return LoginRefused(message, error=error, hint=Hint(advice, LOGIN_COMMAND.with_arguments("--device")))


def _device(members: dict[str, Any]) -> DeviceCode:
    """Return the device code in a file.

    Raises:
        TypeError, ValueError: it is damaged.
    """
    device = DeviceCode(**members)
    texts: list[object] = [device.device_code, device.user_code, device.verification_url, device.code_verifier or ""]
    if not all(isinstance(each, str) for each in texts) or min(int(device.expires_in), int(device.interval)) < 1:
        raise ValueError("not a device code")
    return device
