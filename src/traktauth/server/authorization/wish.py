"""An authorization request while its checks run, and the ways it can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from traktauth.server.storage.records import App, Person, Session
    from traktauth.server.storage.tables import Tables
    from traktauth.server.terms import Terms


@dataclass(slots=True)
class Wish:
    """An authorization request.

    Attributes:
        parameters: what was asked.
        tables: the database.
        terms: what holds on this server.
        now: the time, in seconds.
        session: the browser's session, if it is signed in.
        person: who is signed in.
        app: the app that asks, once known.
        scope: the scopes asked for, or what stands for them.
        detail: what a check's sentence names in place of `{}`.
    """

    parameters: Mapping[str, str]
    tables: Tables
    terms: Terms
    now: float
    session: Session | None = None
    person: Person | None = None
    app: App | None = None
    scope: str = ""
    detail: str = ""

    def asked(self, name: str) -> str:
        """Give a parameter, empty where it is absent."""
        return self.parameters.get(name, "")

    @property
    def prompts(self) -> set[str]:
        """The words of the parameter `prompt`."""
        return set(self.asked("prompt").split())


class Step(NamedTuple):
    """A rule of an authorization request, and what breaking it is answered with.

    Attributes:
        holds: the rule.
        error: OAuth's error code.
        description: a sentence; `{}` stands for the wish's detail.
        at_client: whether the client is told; else it is the person, on a page, and there is no redirect.
    """

    holds: Callable[[Wish], bool]
    error: str
    description: str
    at_client: bool = False


class OnPage(NamedTuple):
    """It ends on a page of ours that says what is wrong."""

    error: str
    description: str


class AtClient(NamedTuple):
    """It ends at the client, with these parameters in the query or the fragment."""

    redirect_uri: str
    parameters: dict[str, str]
    mode: str = "query"


class SignInFirst(NamedTuple):
    """Nobody is signed in, or is to sign in again; `new`: preferably as a new user."""

    new: bool


class ConsentFirst(NamedTuple):
    """The person has to be asked."""


Ending = OnPage | AtClient | SignInFirst | ConsentFirst
