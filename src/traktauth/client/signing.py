"""Which flow signs in, and with whom it deals."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from traktauth.client.person import Person, Way, choose_way, open_in_browser, print_step
from traktauth.errors import AppInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.client.setup import Setup
    from traktauth.flow.effects import Flow
    from traktauth.flow.steps import Step
    from traktauth.models import Token


def person_and_flow(
    setup: Setup,
    way: Way | None,
    *,
    prompt: Callable[[Step], str | None] | None,
    signup: bool | None,
    open_browser: bool,
) -> tuple[Person, Flow[Token]]:
    """Return the person to deal with and the flow that signs in.

    Raises:
        AppInvalid: the app's redirect address does not lead back to this machine.
        ValueError: there is no such way.
    """
    from traktauth.flow.device import by_device  # noqa: PLC0415 - a program that is signed in needs none of them
    from traktauth.flow.login import by_paste, by_redirect  # noqa: PLC0415 - the same

    way = way or choose_way(setup.app)
    if way not in get_args(Way):
        raise ValueError(f"way must be one of {', '.join(get_args(Way))}")
    person = Person(prompt or print_step, open_in_browser if open_browser and way == "browser" else None)
    if way == "device":
        return person, by_device(setup.terms)
    if way == "paste":
        return person, by_paste(setup.terms, signup=signup)
    if not setup.app.loopback:
        raise AppInvalid(
            "The app's redirect address does not lead back to this machine, so no browser can bring the answer",
            hint="Register http://127.0.0.1:9876/callback for the app and set TRAKTAUTH_REDIRECT_URI to it, "
            "or sign in with --device or --paste",
        )
    return person, by_redirect(setup.terms, signup=signup)
