"""`traktauth.web.social` in the example project, in a process of its own, as it has settings of its own."""

from __future__ import annotations

from textwrap import dedent

import pytest

from support.web_example import run_in_project
from support.web_users import SOCIAL

pytestmark = pytest.mark.slow

PROGRAM = dedent(
    """
    import html, json, logging, os, sys
    sys.path[:0] = [sys.argv[1], sys.argv[2]]
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    os.environ["DATABASE"] = sys.argv[3] + "/project.db"
    import django
    from urllib.parse import parse_qsl, urlsplit
    from support.web_users import SOCIAL, end_login, visit, web_trakt

    logging.getLogger("traktauth").addHandler(logging.StreamHandler())
    server = web_trakt().__enter__()
    os.environ["TRAKTAUTH_CLIENT_ID"] = server.app.client_id
    os.environ["TRAKTAUTH_CLIENT_SECRET"] = server.app.client_secret
    os.environ["TRAKTAUTH_REDIRECT_URI"] = SOCIAL
    os.environ["TRAKTAUTH_SERVICE"] = server.url
    os.environ["TRAKTAUTH_STORE"] = f"file:{sys.argv[3]}/logins"
    import settings
    from traktauth.web.django import DjangoStore
    settings.INSTALLED_APPS.append("traktauth.web.django")
    in_the_database = DjangoStore()  # as in a settings module: the apps are not ready
    django.setup()
    from django.core.management import call_command
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.db import connection
    from django.test import Client, override_settings
    from pathlib import Path
    from social_django.models import UserSocialAuth
    from social_django.utils import load_backend, load_strategy
    from traktauth.web.django.models import LoginRecord

    client = Client(SERVER_NAME="127.0.0.1")
    logins = Path(sys.argv[3], "logins")

    def connect():
        page = client.post("/login/trakt/?next=/history").headers["Location"]
        landed = client.get(visit(server, page))
        assert landed.headers["Location"] == "/history", landed.headers
        if not (user := User.objects.get()).has_usable_password():
            user.set_password("correct horse battery")  # or social-core does not remove the only way to sign in
            user.save()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def disconnect(**settings):
        connect()
        before = state()
        with override_settings(**settings):
            assert client.post("/disconnect/trakt/").status_code == 302
        return before, state()

    def state():
        stored = logins.read_text().count('"refresh_token"')
        return UserSocialAuth.objects.count(), stored, sum(server.ledger["alive"].values())

    found = {}
    found["revoked"] = disconnect()
    found["named"] = "sean" in logins.read_text()
    server.fail_next("/oauth/revoke", status=503)
    found["in_outage"] = disconnect()
    server.reset()
    found["not_revoked"] = disconnect(SOCIAL_AUTH_REVOKE_TOKENS_ON_DISCONNECT=False)
    server.reset()
    connect()
    User.objects.update(password="!")  # so that social-core refuses
    client.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    found["refused"] = client.post("/disconnect/trakt/").status_code, *state()
    server.reset()
    UserSocialAuth.objects.all().delete()
    client = Client(SERVER_NAME="127.0.0.1")
    page = client.post("/login/trakt/?next=/history").headers["Location"]
    found["sent"] = dict(parse_qsl(urlsplit(page).query))
    client.get(visit(server, page))
    association = UserSocialAuth.objects.get()
    backend = load_backend(load_strategy(), "trakt", redirect_uri=None)
    trakt = backend.trakt(association.uid)
    token = trakt.token()
    assert client.get("/history").text.count("Signed in as sean") == 1
    found["uid"] = association.uid
    found["uuid"] = trakt.request("GET", "/users/settings").json()["user"]["ids"]["uuid"]
    found["extra_data"] = association.extra_data
    kept = repr([*UserSocialAuth.objects.values(), *Session.objects.values(), dict(client.session)])
    found["tokens"] = [each for each in (token.access_token, token.refresh_token) if each in kept]
    end_login(server, token)
    found["after_revocation"] = client.get("/history").headers["Location"]
    found["is_signed_out"] = "_auth_user_id" not in client.session

    def refused(decision="approve", cause=None):
        other = Client(SERVER_NAME="127.0.0.1")
        landed = visit(server, other.post("/login/trakt/").headers["Location"], decision=decision)
        if cause:
            server.fail_next("/oauth/token", **cause)
        shown = other.get(other.get(landed).headers["Location"])
        assert "_auth_user_id" not in other.session
        return html.unescape(shown.text)

    found["outage"] = refused(cause={"status": 503})
    found["code"] = refused(cause={"status": 400, "body": {"error": "invalid_grant"}})
    found["denied"] = refused("deny")

    # the project's database, where each request is a transaction
    server.reset()
    User.objects.all().delete()
    client = Client(SERVER_NAME="127.0.0.1")
    with override_settings(SOCIAL_AUTH_TRAKT_STORE=in_the_database):
        connect()
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        connection.settings_dict["OPTIONS"]["timeout"] = 0.1
        found["atomic_disconnect"] = client.post("/disconnect/trakt/").status_code
        stored = [record.key for record in LoginRecord.objects.all() if '"refresh_token":' in record.text]
        found["atomic"] = UserSocialAuth.objects.count(), len(stored), sum(server.ledger["alive"].values())
        found["atomic_sign_in"] = refused()
    server.__exit__(None, None, None)
    print(json.dumps(found))
    """
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run_in_project("social", PROGRAM, tmp_path_factory.mktemp("social"))


# Of associations, logins with tokens in the store, and valid tokens at Trakt.
CONNECTED = [1, 1, 2]


def test_disconnecting_ends_the_login_here_and_if_it_is_set_at_trakt(found):
    assert found["revoked"] == [CONNECTED, [0, 0, 0]]
    assert not found["named"]
    assert found["not_revoked"] == [CONNECTED, [0, 0, 2]]
    assert found["refused"][1:] == CONNECTED


def test_an_outage_does_not_keep_a_user_from_disconnecting(found):
    assert found["in_outage"] == [CONNECTED, [0, 0, 2]]
    assert "the user has disconnected, but the login could not be revoked" in found["log"]


def test_disconnecting_in_a_transaction_of_the_stores_database_ends_the_login_after_it(found):
    """SQLite has one writer: before the commit, the store could not write."""
    assert (found["atomic_disconnect"], found["atomic"]) == (302, [0, 0, 0])


def test_a_sign_in_in_a_transaction_that_locks_the_store_out_names_the_cause_in_the_log(found):
    assert "<p>Trakt or this application is unavailable at the moment." in found["atomic_sign_in"]
    assert "by this request's own transaction (ATOMIC_REQUESTS, atomic)" in found["log"]


def test_the_page_is_asked_for_with_pkce_and_the_redirect_address_as_it_is_registered(found):
    assert found["sent"]["redirect_uri"] == SOCIAL  # REDIRECT_STATE would add to it
    assert found["sent"]["code_challenge_method"] == "S256"
    assert found["sent"]["state"]
    assert "scope" not in found["sent"]


def test_a_user_is_known_by_the_uuid_and_no_token_is_kept_with_them(found):
    assert found["uid"] == found["uuid"]
    assert [name for name in found["extra_data"] if "token" in name or "expires" in name] == []
    assert found["tokens"] == []
    assert (found["after_revocation"], found["is_signed_out"]) == ("/", True), "and signs in again"


@pytest.mark.parametrize(
    ("ended_by", "cause"),
    [
        ("outage", "Trakt or this application is unavailable at the moment."),
        ("code", "Trakt did not accept the answer: it was used before, or has expired."),
        ("denied", "Authentication process canceled"),  # social-core's own text
    ],
)
def test_a_sign_in_that_fails_is_shown_with_its_cause(found, ended_by, cause):
    assert f"<p>{cause}" in found[ended_by], found[ended_by]
