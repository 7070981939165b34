"""The pages in `docs/web/`: their Python blocks run, and their tables name what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from starlette.testclient import TestClient

from support.web_users import visit
from traktauth.web import LoginFailed, WebLogin
from traktauth.web.failure import CAUSES

PAGES = Path(__file__).parents[2] / "docs" / "web"


def blocks(name):
    return re.findall(r"```python\n(.*?)```", (PAGES / name).read_text(), re.DOTALL)


def test_the_blocks_for_any_framework_run(server, login, capsys):
    first, test_block = blocks("README.md")
    before, after = first.split("# GET /trakt/callback", 1)
    names = {}
    exec(before.split("app = App(")[0], names)
    started = login.start("/library")
    header = f"theme=dark; {started.cookie_name}={started.cookie_value}"
    names |= {"login": login, "cookie_header": header, "url": visit(server, started.url)}
    exec(f"started = login.start(next='/library')\n#{after}", names)
    shown = capsys.readouterr().out
    assert "sean /library" in shown
    assert names["response"].status_code == 200
    assert server.ledger["alive"] == {"access": 0, "refresh": 0}
    exec(test_block, {"WebLogin": WebLogin})
    assert "/oauth/authorize?" in capsys.readouterr().out


def test_the_sign_in_of_the_page_fails_as_its_table_says(server, login):
    with pytest.raises(LoginFailed):
        login.finish({}, visit(server, login.start().url))
    text = (PAGES / "README.md").read_text()
    assert [cause for cause in CAUSES if f"`{cause}`" not in text] == []


def filled(text, server):
    """Fill in what a page leaves out."""
    for hole, value in {
        'App("…", client_secret="…"': f'App("{server.app.client_id}", client_secret="{server.app.client_secret}"',
        'store="postgresql://…"': f'store="memory:", service="{server.url}", clock=clock',
        'secret_key="…"': f'secret_key="{"k" * 32}"',
        'SECRET_KEY="…"': f'SECRET_KEY="{"k" * 32}"',
        "https://example.com/": "https://testserver/",
    }.items():
        text = text.replace(hole, value)
    return text


def test_the_page_for_starlette_runs(server):
    first, fastapi, disconnect, users, own_test = blocks("starlette.md")
    names = {"clock": server.clock}
    exec(filled(first, server), names)
    client = TestClient(names["application"], base_url="https://testserver", follow_redirects=False)
    page = client.get("/trakt/login?next=/history").headers["location"]
    assert page.startswith(server.url)
    exec(filled(fastapi, server), names)
    assert TestClient(names["api"], base_url="https://testserver").get("/history").status_code == 401
    exec(disconnect, names)
    client.get(visit(server, page))
    assert client.post("/disconnect").headers["location"] == "/"
    assert server.ledger["alive"] == {"access": 0, "refresh": 0}
    exec(filled(users, server), names)
    application = names["Starlette"](
        routes=[names["Mount"]("/trakt", routes=names["login"].routes)],
        middleware=[names["Middleware"](names["SessionMiddleware"], secret_key="k" * 32)],
    )
    with TestClient(application, base_url="https://testserver", follow_redirects=False) as client:
        client.get(visit(server, client.get("/trakt/login").headers["location"]))
    assert list(names["users"].values()) == ["sean"]
    exec(own_test, names)
    names["test_a_user_signs_in"]()


def test_the_page_for_flask_runs(server):
    first, disconnect, users, proxy, own_test = blocks("flask.md")
    names = {"clock": server.clock, "__name__": "page"}
    exec(filled(first, server), names)
    exec(disconnect, names)
    with names["login"].web_login:
        client = names["application"].test_client()
        page = client.get("/trakt/login?next=/history", base_url="https://testserver").location
        landed = client.get(visit(server, page), base_url="https://testserver")
        assert "SameSite=Lax" in next(each for each in landed.headers.getlist("Set-Cookie") if "session=" in each)
        assert client.get("/history", base_url="https://testserver").json == []
        assert client.post("/disconnect", base_url="https://testserver").location == "/"
        assert server.ledger["alive"] == {"access": 0, "refresh": 0}
    exec(proxy, names)
    exec(filled(users, server), names)
    with names["login"].web_login:
        application = names["Flask"]("users")
        application.secret_key = "k" * 32
        application.register_blueprint(names["login"])
        client = application.test_client()
        page = client.get("/trakt/login", base_url="https://testserver").location
        client.get(visit(server, page), base_url="https://testserver")
    assert list(names["users"].values()) == ["sean"]
    exec(own_test, names)
    names["test_a_user_signs_in"]()


# A project of its own each, as Django has one set of settings in a process: the page's settings over the example's, its
# function in a view, and the sign-in of its test.
PROJECT_PROGRAM = dedent(
    """
    import os, sys
    sys.path[:0] = [os.getcwd(), sys.argv[1]]
    os.environ["DJANGO_SETTINGS_MODULE"] = "project_settings"
    import django
    django.setup()
    from django.core.management import call_command
    call_command("migrate", verbosity=0)
    import library
    import page_test
    from django.test import Client
    from traktauth.testing import LocalTrakt
    import project_settings

    client = Client(SERVER_NAME="testserver")
    landed = page_test.sign_in(client, project_settings.SERVER)
    assert landed.headers.get("Location") == "/history", landed.content
    shown = client.get("/history", secure=True)
    assert (shown.status_code, shown.content) == (200, b"[]"), shown.content
    forged = Client(SERVER_NAME="testserver", raise_request_exception=False).get(sys.argv[2], secure=True)
    assert [str(forged.status_code), forged.headers.get("Location")] == [sys.argv[3], sys.argv[4] or None], forged
    """
)
SERVER_SETTINGS = """
from traktauth.testing import LocalTrakt

APP = {"name": "Library", "client_id": "id", "client_secret": "secret", "redirect_uris": [REDIRECT]}
SERVER = LocalTrakt(seed={"apps": [APP]}).__enter__()
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "library"
"""
ALLAUTH_SETTINGS = """
SOCIALACCOUNT_PROVIDERS["trakt"]["APPS"] = [{"client_id": "id", "secret": "secret"}]
SOCIALACCOUNT_PROVIDERS["trakt"] |= {"SERVICE": SERVER.url, "CLOCK": SERVER.clock}
"""
SOCIAL_SETTINGS_OF_THE_EXAMPLE = """
DEBUG = False
MIDDLEWARE = [name for name in MIDDLEWARE if "social" not in name]
del SOCIAL_AUTH_LOGIN_ERROR_URL, SOCIAL_AUTH_RAISE_EXCEPTIONS, SOCIAL_AUTH_REVOKE_TOKENS_ON_DISCONNECT
"""
SOCIAL_SETTINGS = """
SOCIAL_AUTH_TRAKT_KEY, SOCIAL_AUTH_TRAKT_SECRET = "id", "secret"
SOCIAL_AUTH_TRAKT_SERVICE, SOCIAL_AUTH_TRAKT_CLOCK = SERVER.url, SERVER.clock
"""
URLS = """
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import include, path

urlpatterns = [
    path("history", login_required(lambda request: JsonResponse(watched(request%s), safe=False))),
    path(%s),
]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "callback", "removed", "settings", "urls", "forged"),
    [
        (
            "allauth",
            "accounts/trakt/login/callback/",
            "",
            ALLAUTH_SETTINGS,
            URLS % (".user", '"accounts/", include("allauth.urls")'),
            ["401", ""],
        ),
        (
            "social",
            "complete/trakt/",
            SOCIAL_SETTINGS_OF_THE_EXAMPLE,
            SOCIAL_SETTINGS,
            URLS % ("", '"", include("social_django.urls", namespace="social")'),
            ["302", "/"],
        ),
    ],
)
def test_the_blocks_of_a_page_are_a_project_that_signs_in(tmp_path, name, callback, removed, settings, urls, forged):
    for_settings, for_views, for_tests = blocks(f"{name}.md")
    for_settings = for_settings.replace("example.com", "testserver").replace(
        "postgresql://…", f"file:{tmp_path}/logins"
    )
    server = f'REDIRECT = "https://testserver/{callback}"\n{SERVER_SETTINGS}'
    (tmp_path / "project_settings.py").write_text(
        f"from settings import *\n{removed}\n{server}\n{for_settings}\n{settings}"
    )
    (tmp_path / "library.py").write_text(f"{for_views}\n{urls}")
    (tmp_path / "page_test.py").write_text(for_tests)
    command = [sys.executable, "-c", PROJECT_PROGRAM, str(PAGES.parents[1] / "examples" / "web" / name)]
    command += [f"/{callback}?code=x&state=forged", *forged]
    env = {key: value for key, value in os.environ.items() if not key.startswith("TRAKTAUTH_")}
    env["DATABASE"] = str(tmp_path / "project.db")
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_the_page_for_authlib_runs(server):
    (block,) = blocks("authlib.md")
    names = {"clock": server.clock}
    exec(filled(block, server), names)
    assert names["oauth"].trakt.client_id == server.app.client_id
