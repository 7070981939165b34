# pyright: basic
"""Trakt for social-auth (python-social-auth): a backend of social-core.

Put `traktauth.web.social.TraktOAuth2` into the framework's list of authentication backends.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from traktauth.errors import TraktAuthError
from traktauth.extras import check_version
from traktauth.protocol import AUTHORIZE, TOKEN
from traktauth.web.access_log import hide_codes
from traktauth.web.failure import LoginFailed
from traktauth.web.libraries import OPTIONS, WebLogins, end_login_after_commit, new_web_login
from traktauth.web.login import WebLogin
from traktauth.web.pages import failure_text

try:
    from social_core.backends.oauth import BaseOAuth2PKCE
    from social_core.exceptions import AuthProviderError
except (ImportError, AttributeError) as error:
    check_version("social-auth-core", (7, 0), extra="social")
    raise TraktAuthError("social-auth-core is not installed", hint="pip install 'traktauth[social]'") from error

check_version("social-auth-core", (7, 0), extra="social")

__all__ = ["TraktOAuth2"]

_web_logins = WebLogins()


class SignInFailed(AuthProviderError):
    """A sign-in that traktauth ended; social-core's own text for it would name no cause."""

    def __str__(self) -> str:
        return self.detail


class TraktOAuth2(BaseOAuth2PKCE[Any]):
    """Trakt; a user is known by the uuid, which stays when they take another name.

    social-core checks the state, traktauth exchanges the code and keeps the tokens: none is in `extra_data`.

    Settings, each beginning with `SOCIAL_AUTH_TRAKT_`: `KEY` and `SECRET` (the app's), `STORE` (where logins are kept:
    an address, or a store), `REDIRECT_URI` (instead of where the request leads), and `SERVICE`, `LOST_REPLY`,
    `INSECURE`, `CLOCK`, which are arguments of `WebLogin`.
    """

    name = "trakt"
    title = "Trakt"
    ID_KEY = "uuid"
    REDIRECT_STATE = False  # Trakt compares the redirect address exactly
    ACCESS_TOKEN_PAYLOAD = "json"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hide_codes()
        own = self.setting("REDIRECT_URI")
        if own and self.redirect_uri:
            self.redirect_uri = cast("str", own)

    @property
    def web_login(self) -> WebLogin:
        """Return the web sign-in of the app in the settings, made at the first call."""
        client_id, secret = self.get_key_and_secret()
        options = {name: value for name in OPTIONS if (value := self.setting(name)) is not None}
        store: Any = self.setting("STORE", "file:")
        key = client_id, secret, str(store), str(options.get("SERVICE"))
        return _web_logins.find(key, partial(new_web_login, client_id, secret, store, options))

    def trakt(self, uid: str) -> Any:
        """Return the `Trakt` of a user.

        Args:
            uid: of their `UserSocialAuth`.
        """
        return self.web_login.trakt(uid)

    def authorization_url(self) -> str:
        """Return Trakt's sign-in page."""
        return self.web_login.service.website + AUTHORIZE

    def access_token_url(self) -> str:
        """Return Trakt's token endpoint."""
        return self.web_login.service.token + TOKEN

    def request_access_token(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Exchange the code and save the login; return who has signed in, without tokens."""
        sent: dict[str, Any] = kwargs.get("json") or {}
        try:
            signed_in = self.web_login.exchange(
                str(sent.get("code") or ""),
                redirect_uri=sent["redirect_uri"],
                code_verifier=sent.get("code_verifier"),
                iss=self.data.get("iss"),
            )
        except LoginFailed as error:
            code = "unavailable" if error.cause == "busy" else "http_error"
            raise SignInFailed(self, failure_text(error), code=code, stage="token_exchange") from error
        user: dict[str, Any] = signed_in.settings["user"]
        return {**user, "uuid": signed_in.account}

    def get_access_token(self, response: dict[str, Any]) -> str:
        """Return an empty text: the store has the only copy of the tokens."""
        del response
        return ""

    def get_user_details(self, response: dict[str, Any]) -> dict[str, Any]:
        """Return what a new user of the application begins with."""
        return {"username": response["username"], "fullname": response.get("name") or "", "email": ""}

    def extra_data(self, user: Any, uid: str, response: Any, details: Any, pipeline_kwargs: Any) -> dict[str, Any]:
        """Return what is kept with the user, without tokens."""
        data: dict[str, Any] = super().extra_data(user, uid, response, details, pipeline_kwargs)
        for name in ("access_token", "refresh_token", "token_type", "expires", "expires_in"):
            data.pop(name, None)
        return data

    def disconnect(self, *args: Any, **kwargs: Any) -> Any:
        """Disconnect a user, then delete their login from the store.

        With `SOCIAL_AUTH_REVOKE_TOKENS_ON_DISCONNECT` it is revoked at Trakt first. An outage is logged. With
        `DjangoStore` the login ends when the request's transaction is committed.
        """
        before = self._uids(**kwargs)
        result = super().disconnect(*args, **kwargs)
        revoke = bool(self.strategy.setting("REVOKE_TOKENS_ON_DISCONNECT"))
        for uid in before - self._uids(**kwargs):
            end_login_after_commit(self.trakt(uid), revoke=revoke)
        return result

    def _uids(self, *, user: Any = None, association_id: Any = None, **_: Any) -> set[str]:
        """Return the uids of a user's associations with Trakt."""
        users = self.strategy.storage.user
        return {entry.uid for entry in users.get_social_auth_for_user(user, self.name, association_id)}
