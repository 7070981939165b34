# pyright: basic, reportIncompatibleMethodOverride=false
# mypy: disable-error-code="no-any-return, misc"
"""The sign-in's routes: allauth checks the state, traktauth exchanges the code and keeps the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter, OAuth2CallbackView, OAuth2LoginView
from allauth.utils import get_request_param
from django.contrib import messages

from traktauth.protocol import AUTHORIZE, TOKEN
from traktauth.web.allauth import PROVIDER, web_login_of
from traktauth.web.failure import LoginFailed
from traktauth.web.pages import failure_text

if TYPE_CHECKING:
    from django.http import HttpRequest

    from traktauth.web.login import WebLogin


class TokenlessLogin(SocialLogin):
    """A sign-in without a SocialToken: the store has the only copy of the tokens."""

    @property
    def token(self) -> None:
        """Return None."""
        return None

    @token.setter
    def token(self, _token: object) -> None:
        """Keep nothing."""


class TraktClient(OAuth2Client):
    """Leaves an empty `scope` out, with which Trakt gives no refresh token."""

    def get_redirect_url(self, authorization_url: str, scope: list[str], extra_params: dict[str, Any]) -> str:
        """Return the address of Trakt's sign-in page."""
        url: str = super().get_redirect_url(authorization_url, scope, extra_params)
        return url if scope else url.replace("&scope=&", "&")


class TraktAdapter(OAuth2Adapter):
    """Sends users to Trakt, and exchanges codes with traktauth."""

    provider_id = PROVIDER
    client_class = TraktClient

    @property
    def _web_login(self) -> WebLogin:
        app = self.get_provider().app
        return web_login_of(app.client_id, app.secret)

    @property
    def authorize_url(self) -> str:
        """Return Trakt's sign-in page."""
        return self._web_login.service.website + AUTHORIZE

    @property
    def access_token_url(self) -> str:
        """Return Trakt's token endpoint."""
        return self._web_login.service.token + TOKEN

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return the redirect address: the one in the settings, else the one that the request leads to."""
        return str(self.get_provider().get_settings().get("REDIRECT_URI") or super().get_callback_url(request, app))

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: OAuth2Client, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        """Exchange the code and save the login; return who has signed in."""
        try:
            signed_in = self._web_login.exchange(
                get_request_param(request, "code") or "",
                redirect_uri=client.callback_url,
                code_verifier=pkce_code_verifier,
                iss=get_request_param(request, "iss"),
            )
        except LoginFailed as error:
            get_adapter().add_message(request, messages.ERROR, message=failure_text(error))  # allauth's page shows it
            raise OAuth2Error(f"{error.message} ({error.cause})") from error
        self.did_fetch_access_token = True
        return {"settings": signed_in.settings}

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return an empty token, which is not kept."""
        return SocialToken(token="")

    def complete_login(self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Return the sign-in of the user who was found."""
        found = self.get_provider().sociallogin_from_response(request, kwargs["response"]["settings"])
        return TokenlessLogin(
            user=found.user, account=found.account, email_addresses=found.email_addresses, provider=found.provider
        )


oauth2_login = OAuth2LoginView.adapter_view(TraktAdapter)
oauth2_callback = OAuth2CallbackView.adapter_view(TraktAdapter)
