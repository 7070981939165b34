"""The steps of a sign-in, as `login(prompt=…)` shows them.

A prompt is a function of one step. For `PasteCode` it returns what the user pasted; else its result is ignored.

```python
from traktauth import steps


def prompt(step: steps.Step) -> str | None:
    match step:
        case steps.OpenPage(url):
            print("Open", url)
        case steps.EnterCode(device):
            print("Enter", device.user_code, "at", device.verification_url)
        case steps.PasteCode(url):
            print("Open", url)
            return input("Code or address: ")
        case steps.StillWaiting(seconds_left):
            print(f"{seconds_left:.0f} s left")
    return None
```
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from traktauth.models.token import DeviceCode


@dataclass(frozen=True, slots=True)
class OpenPage:
    """Open Trakt's sign-in page in a browser on this machine; no further action is needed.

    Attributes:
        url: the address of the page.
        redirect_uri: the address on this machine where the browser ends.
    """

    url: str
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True)
class PasteCode:
    """Open Trakt's sign-in page on any device, then return the code, or the whole address where the browser ended.

    Attributes:
        url: the address of the page.
        redirect_uri: how the address begins where the browser ends; out of band, the page shows the code instead.
        problem: why what was pasted before was not taken; empty at first.
    """

    url: str
    redirect_uri: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EnterCode:
    """Enter a code at Trakt's activation page, on any device. Trakt: *Generate new device codes*.

    Attributes:
        device: the code, the address of the page and how long the code is valid.
    """

    device: DeviceCode = field(repr=False)


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """The user has not answered yet; shown about once a second.

    Attributes:
        seconds_left: until the code expires, or the sign-in by browser ends.
    """

    seconds_left: float


Step = OpenPage | PasteCode | EnterCode | StillWaiting
LoginMethod = Literal["browser", "device", "paste"]  # to sign in
