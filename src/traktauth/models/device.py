"""The device code: how a screen without a browser signs in."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """Trakt: *Generate new device codes*.

    Attributes:
        device_code: what the program polls with; a secret.
        user_code: what the person types at `verification_url`.
        verification_url: the page that takes it.
        expires_in: seconds until both codes are worthless.
        interval: seconds between two polls, at the least.
    """

    device_code: str = field(repr=False)
    user_code: str
    verification_url: str
    expires_in: int
    interval: int

    @property
    def filled_in_url(self) -> str:
        """The page with the code already typed."""
        return f"{self.verification_url.rstrip('/')}/{self.user_code}"
