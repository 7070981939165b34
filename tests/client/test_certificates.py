"""A certificate that is not trusted: an error that says so, as waiting does not help."""

from __future__ import annotations

import ssl
import time

import httpx2
import pytest

from traktauth import App, Token, Trakt, TraktAuthError, TryLater

APP = App("id", client_secret="secret", redirect_uri="http://127.0.0.1:9876/callback")


def untrusted(request):
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    cause.verify_message = "self-signed certificate"
    raise httpx2.ConnectError("the library's own words", request=request) from cause


@pytest.fixture
def trakt():
    with (
        httpx2.Client(transport=httpx2.MockTransport(untrusted)) as http,
        Trakt(APP, store="memory:", http=http) as trakt,
    ):
        yield trakt


@pytest.mark.parametrize("call", ["login", "request", "refresh"])
def test_an_untrusted_certificate_is_not_try_later(trakt, call):
    calls = {
        "login": lambda: trakt.login("device", prompt=lambda step: None),
        "request": lambda: trakt.request("GET", "/users/settings"),
        "refresh": trakt.refresh,
    }
    trakt.adopt(Token("access-token", refresh_token="refresh-token", expires_in=86400, expires_at=time.time() + 80000))
    with pytest.raises(TraktAuthError) as caught:
        calls[call]()
    error = caught.value
    assert not isinstance(error, TryLater)
    assert error.code == "certificate-untrusted"
    assert "certificate verification failed: self-signed certificate" in error.message
    assert "SSL_CERT_FILE" in error.hint
    assert "http=" in error.hint
