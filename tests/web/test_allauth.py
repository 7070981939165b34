"""`traktauth.web.allauth` in the example project, in a process of its own, as it has settings of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest

from support.engines import CHECKOUT

PROGRAM = dedent(
    """
    import json, os, sys
    sys.path[:0] = [sys.argv[1], sys.argv[2]]
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    os.environ["DATABASE"] = sys.argv[3]
    import django
    from support.web_users import ALLAUTH, CANARY, end_login, visit, web_trakt
    from traktauth import LoginRequired

    server = web_trakt().__enter__()
    os.environ["TRAKTAUTH_CLIENT_ID"] = server.app.client_id
    os.environ["TRAKTAUTH_CLIENT_SECRET"] = server.app.client_secret
    os.environ["TRAKTAUTH_REDIRECT_URI"] = ALLAUTH
    os.environ["TRAKTAUTH_SERVICE"] = server.url
    os.environ.pop("TRAKTAUTH_STORE", None)
    django.setup()
    from django.core.management import call_command
    call_command("migrate", verbosity=0)
    from allauth.socialaccount.models import SocialAccount, SocialToken
    from django.contrib.auth.models import User
    from django.test import Client
    from traktauth.web.allauth import trakt_for

    found = {}
    client = Client(SERVER_NAME="127.0.0.1")
    page = client.post("/accounts/trakt/login/?next=/history").headers["Location"]
    found["scope"] = "scope=" in page
    found["pkce"] = "code_challenge_method=S256" in page
    landed = visit(server, page)
    found["landed"] = client.get(landed).headers["Location"]
    again = client.get(landed)
    found["again"] = again.headers.get("Location", again.status_code)
    account = SocialAccount.objects.get()
    trakt = trakt_for(account)
    found["uid"] = account.uid == trakt.request("GET", "/users/settings").json()["user"]["ids"]["uuid"]
    found["name"] = (account.extra_data["username"], User.objects.get().username, str(account.get_provider_account()))
    found["tokens"] = SocialToken.objects.count()
    found["shown"] = client.get("/history").text.count("Signed in as sean")

    def away(*_args, **_kwargs):
        raise OSError("no route")

    other = Client(SERVER_NAME="127.0.0.1")
    landed = visit(server, other.post("/accounts/trakt/login/").headers["Location"])
    server.fail_next("/oauth/token", status=503)
    found["outage"] = "_auth_user_id" in other.session or other.get(landed).status_code
    found["outage_signed_in"] = "_auth_user_id" in other.session
    end_login(server, trakt.token())
    found["revoked"] = client.get("/history").headers["Location"]
    try:
        trakt_for(SocialAccount(provider="github"))
    except ValueError as error:
        found["foreign"] = str(error)
    server.__exit__(None, None, None)
    print(json.dumps(found))
    """
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    example = CHECKOUT / "examples" / "web" / "allauth"
    database = tmp_path_factory.mktemp("allauth") / "db"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(example), str(CHECKOUT / "tests"), str(database)],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_sign_in_page_gets_a_challenge_and_no_empty_scope(found):
    assert (found["pkce"], found["scope"]) == (True, False)


def test_a_user_signs_in_and_is_known_by_their_uuid(found):
    assert found["landed"] == "/history"
    assert found["uid"] is True
    assert found["name"] == ["sean"] * 3
    assert found["shown"] == 1


def test_no_token_is_stored_though_the_project_asks_for_it(found):
    assert found["tokens"] == 0


def test_a_callback_that_is_opened_again_does_not_sign_in(found):
    assert found["again"] != "/history"


def test_an_outage_does_not_sign_in(found):
    assert found["outage_signed_in"] is False


def test_a_user_whose_login_was_revoked_signs_in_again(found):
    assert found["revoked"] == "/accounts/trakt/login/?next=/history"


def test_another_providers_account_is_refused(found):
    assert "provider trakt, not github" in found["foreign"]
