"""An OAuth request, the checks that it must pass, and what happens once it has passed them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from traktauth.server.errors import OAuthError
from traktauth.server.oauth.rotation import Rotation
from traktauth.server.storage.repositories import Repositories
from traktauth.server.storage.schema import Client, Code, Session, TokenPair, User
from traktauth.server.tokens import Lifetimes


class TokenPolicy(NamedTuple):
    """Numbers and modes that the rules use.

    Attributes:
        lifetimes: how long tokens, codes and sessions are valid.
        scopes: the scopes of this server.
        default_scope: the scope of a request that names none, at Trakt's paths.
        rotation: what happens to a used refresh token.
        access_outlives: whether an access token stays valid when its refresh token has been used.
        interval: seconds between two polls of a device code.
        issuer: the server's issuer identifier, an origin.
    """

    lifetimes: Lifetimes
    scopes: tuple[str, ...]
    default_scope: str
    rotation: Rotation
    access_outlives: bool
    interval: int
    issuer: str


class ClientRequest(NamedTuple):
    """What a client sent to an endpoint for tokens or about one.

    Attributes:
        parameters: the body's parameters.
        client_id: from the body or HTTP Basic; empty if absent.
        client_secret: from the body or HTTP Basic; empty if absent.
        by_basic: whether HTTP Basic was used.
        duplicate_credentials: whether HTTP Basic was used and a secret is in the body as well.
        bearer: the token in the Authorization field, or empty.
    """

    parameters: Mapping[str, str]
    client_id: str
    client_secret: str
    by_basic: bool = False
    duplicate_credentials: bool = False
    bearer: str = ""


@dataclass(slots=True)
class OAuthRequest:
    """What the checks of every OAuth request use.

    Attributes:
        db: the database, in this request's transaction.
        policy: the server's lifetimes and modes.
        now: the time, in seconds.
        parameters: the parameters of the body or the query.
        client_id: the id of the client that the request names, empty if it names none.
        scope: the scope that is requested or inherited.
        error_args: replaces `{}` in the description of an error.
        client: the OAuth client; a check loads it.
    """

    db: Repositories
    policy: TokenPolicy
    now: float
    parameters: Mapping[str, str]
    client_id: str
    scope: str = field(default="", init=False)
    error_args: str = field(default="", init=False)
    client: Client = field(init=False)

    def parameter(self, name: str) -> str:
        """Return a parameter, empty if it is absent."""
        return self.parameters.get(name, "")


@dataclass(slots=True)
class TokenRequest(OAuthRequest):
    """A request for tokens or about one.

    Attributes:
        sent: what the client sent.
        code: the authorization code; a check loads it.
        token_pair: the pair whose token was sent; a check loads it.
    """

    sent: ClientRequest
    code: Code = field(init=False)
    token_pair: TokenPair = field(init=False)


@dataclass(slots=True)
class AuthorizationRequest(OAuthRequest):
    """A request for an authorization code, in a browser.

    Attributes:
        session: the browser's session, if a user is logged in.
        user: the user who is logged in.
    """

    session: Session | None = None
    user: User | None = None

    @property
    def prompts(self) -> set[str]:
        """The values of the parameter `prompt`."""
        return set(self.parameter("prompt").split())


R = TypeVar("R", bound=OAuthRequest)
R_contra = TypeVar("R_contra", bound=OAuthRequest, contravariant=True)
LOAD, REQUIRE, CONSUME = "load", "require", "consume"


class Check(NamedTuple, Generic[R_contra]):
    """A rule, and the error for a request that breaks it.

    Attributes:
        kind: `load`: finds a value and puts it on the request. `require`: only looks. `consume`: changes the database,
            also if the request fails the check.
        run: returns whether the request passes.
        status: the HTTP status of the error; of an authorization request 302 sends the error to the client.
        error: OAuth's error code.
        description: a sentence; `{}` stands for the request's `error_args`.
        echo_state: whether the error returns the request's `state`.
    """

    kind: str
    run: Callable[[R_contra], bool]
    status: int
    error: str
    description: str
    echo_state: bool = False


def load(run: Callable[[R], bool], status: int, error: str, description: str) -> Check[R]:
    """Return a check that puts a value on the request."""
    return Check(LOAD, run, status, error, description)


def require(
    run: Callable[[R], bool], status: int, error: str, description: str, *, echo_state: bool = False
) -> Check[R]:
    """Return a check that only looks."""
    return Check(REQUIRE, run, status, error, description, echo_state)


def consume(run: Callable[[R], bool], status: int, error: str, description: str) -> Check[R]:
    """Return a check that changes the database."""
    return Check(CONSUME, run, status, error, description)


def first_failed(checks: Iterable[Check[R]], request: R) -> Check[R] | None:
    """Run the checks in order; return the first that the request fails, its `{}` replaced."""
    for check in checks:
        if not check.run(request):
            return check._replace(description=check.description.replace("{}", request.error_args))
    return None


class Procedure(NamedTuple):
    """The checks of a request, in order, and what happens once it has passed them.

    Attributes:
        checks: the rules.
        handler: is called with the request; its result is what the endpoint writes.
        statuses: the statuses of a `BareStatusError` that the handler may raise.
    """

    checks: tuple[Check[TokenRequest], ...]
    handler: Callable[[TokenRequest], Any]
    statuses: tuple[int, ...] = ()

    def run(self, request: TokenRequest) -> Any:  # noqa: ANN401 - the handler's result
        """Run the checks and the handler; raise the error of the first check that the request fails."""
        failed = first_failed(self.checks, request)
        if failed is not None:
            state = request.parameter("state") if failed.echo_state else ""
            raise OAuthError(failed.status, failed.error, failed.description, state=state)
        return self.handler(request)
