"""What a person is shown while signing in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.models.device import DeviceCode


@dataclass(frozen=True, slots=True)
class OpenPage:
    """Open Trakt's sign-in page in a browser on this machine; the answer arrives by itself."""

    url: str


@dataclass(frozen=True, slots=True)
class PasteCode:
    """Open Trakt's sign-in page anywhere, then paste the code, or the whole address one ended at."""

    url: str


@dataclass(frozen=True, slots=True)
class EnterCode:
    """Enter the code at Trakt's activation page, on any device."""

    device: DeviceCode = field(repr=False)


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """The person has not answered yet; shown about once a second."""

    seconds_left: float


Step = OpenPage | PasteCode | EnterCode | StillWaiting
