"""A sign-in through a proxy that ends TLS, in applications that are configured for it and in others."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from flask import Flask, request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import make_server

from support.django_project import configure, databases, trakt_settings
from support.process import free_port
from support.tls_proxy import TlsProxy
from traktauth.testing import LocalTrakt
from traktauth.web import AsyncWebLogin, WebLogin
from traktauth.web.flask import TraktLogin as FlaskLogin
from traktauth.web.starlette import TraktLogin as StarletteLogin

configure()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402 - once Django is configured
from django.test import override_settings  # noqa: E402 - the same


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    with TlsProxy(tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def trakt(proxy):
    app = {"name": "Library", "client_id": "id", "client_secret": "secret"}
    with LocalTrakt(seed={"apps": [{**app, "redirect_uris": [f"{proxy.url}/trakt/callback"]}]}) as server:
        yield server


@pytest.fixture
def browser(proxy):
    with httpx2.Client(base_url=proxy.url, verify=proxy.trust, trust_env=False, timeout=60) as browser:
        yield browser


def arguments(server):
    return {"store": "memory:", "service": server.url, "clock": server.clock}


@contextmanager
def served_wsgi(application):
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def flask(server, *, is_configured):
    with WebLogin(server.app, **arguments(server)) as web_login:
        login = FlaskLogin(web_login)
        application = Flask(__name__)
        application.config.update(SECRET_KEY="k" * 32, SESSION_COOKIE_SECURE=True)
        application.register_blueprint(login)
        application.add_url_rule("/scheme", "scheme", login.required(lambda: request.scheme))
        if is_configured:
            application.wsgi_app = ProxyFix(application.wsgi_app, x_for=1, x_proto=1, x_host=1)
        with served_wsgi(application) as port:
            yield port


@contextmanager
def django(server, *, is_configured):
    forwarded = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")} if is_configured else {}
    settings = {"TRAKTAUTH": trakt_settings(server), "SESSION_COOKIE_SECURE": True, "ROOT_URLCONF": __name__}
    with databases(), override_settings(**settings, **forwarded), served_wsgi(WSGIHandler()) as port:
        yield port


@contextmanager
def starlette(server, *, is_configured):
    login = StarletteLogin(AsyncWebLogin(server.app, **arguments(server)))

    @login.required
    async def scheme(request):
        return PlainTextResponse(request.url.scheme)

    application = Starlette(
        routes=[Route("/scheme", scheme), Mount("/trakt", routes=login.routes)],
        middleware=[Middleware(SessionMiddleware, secret_key="k" * 32, https_only=True)],
        lifespan=login.lifespan,
    )
    port = free_port()
    config = uvicorn.Config(application, port=port, proxy_headers=is_configured, log_level="warning")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield port
    finally:
        running.should_exit = True
        thread.join()


def _urls():
    """Return the Django project's addresses, which it reads from this module."""
    from django.http import HttpResponse  # noqa: PLC0415 - once Django is configured
    from django.urls import include, path  # noqa: PLC0415 - the same

    from traktauth.web.django import trakt_required  # noqa: PLC0415 - the same

    scheme = trakt_required(lambda request: HttpResponse(request.scheme))
    return [path("trakt/", include("traktauth.web.django.urls")), path("scheme", scheme)]


urlpatterns = _urls()


@pytest.mark.parametrize("is_configured", [True, False], ids=["configured", "not-configured"])
@pytest.mark.parametrize("framework", [flask, django, starlette], ids=lambda framework: framework.__name__)
def test_a_user_signs_in_and_out_through_a_proxy_that_ends_tls(trakt, proxy, browser, framework, is_configured):
    with framework(trakt, is_configured=is_configured) as port:
        proxy.lead_to(port)
        begun = browser.get("/trakt/login?next=/scheme")
        assert begun.headers["set-cookie"].startswith("__Host-traktauth-")
        assert "secure" in begun.headers["set-cookie"].lower()
        landed = browser.get(trakt.browse(begun.headers["location"]))
        assert (landed.status_code, landed.headers["location"]) == (303, "/scheme"), landed.text
        assert browser.get("/scheme").text == ("https" if is_configured else "http")
        assert [cookie.secure for cookie in browser.cookies.jar] == [True]
        foreign = browser.post("/trakt/logout", headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert browser.get("/scheme").status_code == 200
        if framework is django and not is_configured:
            return  # Django's own check compares `Origin` with plain http; the page names the setting
        assert sign_out(browser, proxy, framework).status_code == 303
        assert browser.get("/scheme").status_code == 401


def sign_out(browser, proxy, framework):
    headers = {"Origin": proxy.url, "Referer": f"{proxy.url}/"}
    if framework is django:  # its own protection: a cookie and a field with the same token
        browser.cookies.set("csrftoken", "t" * 32)
        headers["X-CSRFToken"] = "t" * 32
    return browser.post("/trakt/logout", headers=headers)
