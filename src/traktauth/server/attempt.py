"""One request for tokens (or about one) while its checks run: what it said, and what has been found for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from traktauth.server.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from traktauth.server.storage.records import App, Code, Pair
    from traktauth.server.storage.tables import Tables
    from traktauth.server.terms import Terms


class Spoken(NamedTuple):
    """What a client said.

    Attributes:
        parameters: the body's parameters.
        client_id: whom it claims to be, in the body or by HTTP Basic; empty where it did not say.
        client_secret: how it proves it; empty where it does not.
        by_basic: whether it used HTTP Basic.
        twice: whether it used HTTP Basic and a secret in the body.
        bearer: the token in its Authorization header, empty without one.
    """

    parameters: Mapping[str, str]
    client_id: str
    client_secret: str
    by_basic: bool = False
    twice: bool = False
    bearer: str = ""


@dataclass(slots=True)
class Attempt:
    """A request and what its checks have found so far.

    Attributes:
        said: what the client said.
        tables: the database, in the middle of this request's transaction.
        terms: what holds on this server.
        now: the time, in seconds.
        app: the client, once it is known.
        code: the code it presented, once found.
        pair: the pair whose token it presented, once found.
        scope: the scopes asked for or inherited.
        detail: what a check's sentence names in place of `{}`.
    """

    said: Spoken
    tables: Tables
    terms: Terms
    now: float
    app: App | None = None
    code: Code | None = None
    pair: Pair | None = None
    scope: str = ""
    detail: str = ""

    def given(self, name: str) -> str:
        """Give a parameter, empty where it is absent."""
        return self.said.parameters.get(name, "")


class Check(NamedTuple):
    """A rule and what breaking it is answered with; `{}` in the description stands for the attempt's detail.

    With `tells_state` the answer gives the request's `state` back.
    """

    holds: Callable[[Attempt], bool]
    status: int
    error: str
    description: str
    tells_state: bool = False


class Procedure(NamedTuple):
    """An ordered list of checks, then the deed."""

    checks: tuple[Check, ...]
    deed: Callable[[Attempt], Any]

    def run(self, attempt: Attempt) -> Any:  # noqa: ANN401 - the deed's result, whatever it is
        """Check in order, then do it.

        Raises:
            Refusal: as the first check that does not hold says.
        """
        for check in self.checks:
            if not check.holds(attempt):
                state = attempt.given("state") if check.tells_state else ""
                raise Refusal(check.status, check.error, check.description.replace("{}", attempt.detail), state=state)
        return self.deed(attempt)
