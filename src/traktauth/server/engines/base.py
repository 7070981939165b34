"""What an engine consists of: its endpoints, its authorization rules, and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from traktauth.server.errors import OAuthError, ValidationError
from traktauth.server.messages import FORM, JSON
from traktauth.server.oauth.authorization import AuthorizationRules
from traktauth.server.oauth.request import ClientRequest, Procedure, TokenPolicy
from traktauth.server.tokens import Lifetimes

JSON_OR_FORM = (JSON, FORM)
AUTHORIZE_PATHS = ("/oauth/authorize", "/oauth/authorize/native")
NATIVE_PATHS = ("/api/auth/error", "/api/auth/jwks")
"""Of a profile that has an authorization endpoint of its own."""
WELL_KNOWN = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class EndpointKind(Enum):
    """What an endpoint is for."""

    TOKEN = "token"
    REVOCATION = "revocation"
    INTROSPECTION = "introspection"
    USER_INFO = "user info"
    TOKEN_INFO = "token info"
    DEVICE_AUTHORIZATION = "device authorization"
    DEVICE_TOKEN = "device token"
    NATIVE_DEVICE_AUTHORIZATION = "native device authorization"
    NATIVE_DEVICE_TOKEN = "native device token"


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of the protocol.

    Attributes:
        kind: what it is for.
        path: where it is.
        read: parses header fields and body; may raise OAuthError or ValidationError.
        write: writes the result as a response.
        write_error: writes an error as a response.
        procedure: what it does, if there is one thing it does.
        grants: what it does by grant type, if the request chooses.
        methods: its methods; with any other it answers as if the path did not exist.
        media: the media types that it reads.
        rejects_media: whether another media type is an error; else such a body says nothing.
        changes: whether it may change the database.
    """

    kind: EndpointKind
    path: str
    read: Callable[[Headers, bytes], ClientRequest]
    write: Callable[[Any], Response]
    write_error: Callable[[OAuthError | ValidationError], Response]
    procedure: Procedure | None = None
    grants: Mapping[str, Procedure] = field(default_factory=dict[str, Procedure])
    methods: tuple[str, ...] = ("POST",)
    media: tuple[str, ...] = JSON_OR_FORM
    rejects_media: bool = False
    changes: bool = True

    @property
    def procedures(self) -> tuple[Procedure, ...]:
        """Everything it may do."""
        return (*self.grants.values(), *([self.procedure] if self.procedure else []))


@dataclass(frozen=True)
class Profile:
    """A set of server behaviour that Trakt has, or had.

    Attributes:
        name: what `--profile` takes.
        measured_on: the engine and its version whose responses the rules reproduce.
        lifetimes: in seconds.
        scopes: the scopes of the server.
        default_scope: the scope of a request that names none, at Trakt's paths.
        rotation: the name of the rotation mode.
        access_outlives: whether an access token stays valid when its refresh token has been used.
        interval: seconds between two polls of a device code.
        endpoints: the endpoints of the protocol.
        authorize: how authorization requests are answered.
        native_authorize: the engine's own path for them, besides Trakt's, or None.
        metadata: returns the server's metadata (RFC 8414).
    """

    name: str
    measured_on: str
    lifetimes: Lifetimes
    scopes: tuple[str, ...]
    default_scope: str
    rotation: str
    access_outlives: bool
    interval: int
    endpoints: tuple[Endpoint, ...]
    authorize: AuthorizationRules
    native_authorize: str | None
    metadata: Callable[[TokenPolicy], dict[str, Any]]

    @property
    def oauth_paths(self) -> tuple[str, ...]:
        """Every path of the protocol, that of pages included."""
        native = (self.native_authorize, *NATIVE_PATHS) if self.native_authorize else ()
        return (*(endpoint.path for endpoint in self.endpoints), *AUTHORIZE_PATHS, *native, *WELL_KNOWN)
