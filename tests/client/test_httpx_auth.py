"""`trakt.auth` as an httpx2.Auth, blocking and async; tests/adapters has what it shares with every adapter."""

from __future__ import annotations

import httpx2
import pytest

from traktauth import App, AsyncTrakt, Trakt


@pytest.mark.parametrize(
    ("service", "url", "served"),
    [
        ("trakt", "https://api.trakt.tv/users", True),
        ("trakt", "https://api.trakt.tv:443/users", True),
        ("trakt", "https://api.trakt.tv", True),
        ("trakt", "http://api.trakt.tv/users", False),
        ("trakt", "https://api.trakt.tv:8443/users", False),
        ("trakt", "https://trakt.tv/users", False),
        ("trakt", "https://api.trakt.tv.evil.example/", False),
        ("trakt", "https://api.trakt.tv@evil.example/", False),
        ("trakt", "https://evil.example\\@api.trakt.tv/", False),
        ("trakt", "https://user@api.trakt.tv/", False),
        ("trakt", "https://api.trakt.tv:x/", False),
        ("trakt", "https://[api.trakt.tv/", False),
        ("trakt", "https://evil.example/https://api.trakt.tv/", False),
        ("http://LOCALHOST:8712", "http://localhost:8712/users", True),
        ("https://host.example:443", "https://host.example/users", True),
        ("https://host.example/base", "https://host.example/base/users", True),
        ("https://host.example/base", "https://host.example/base", True),
        ("https://host.example/base", "https://host.example/basement", False),
        ("https://host.example/base", "https://host.example/", False),
    ],
)
def test_which_addresses_are_the_services_own(service, url, served):
    assert Trakt(App("x"), service=service, store="memory:").config.api.contains(url) is served


def test_each_kind_says_which_client_it_is_for(app):
    request = httpx2.Request("GET", "https://api.trakt.tv/")
    with pytest.raises(TypeError, match="AsyncTrakt"):
        Trakt(app, store="memory:").auth.async_auth_flow(request)
    with pytest.raises(TypeError, match="auth of a Trakt"):
        AsyncTrakt(app, store="memory:").auth.sync_auth_flow(request)
