"""`traktauth.web.allauth` in the example project, in a process of its own, as it has settings of its own."""

from __future__ import annotations

from textwrap import dedent

import pytest

from support.web_example import run_in_project

pytestmark = pytest.mark.slow

PROGRAM = dedent(
    """
    import json, os, sys
    sys.path[:0] = [sys.argv[1], sys.argv[2]]
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    os.environ["DATABASE"] = sys.argv[3] + "/project.db"
    import django, logging
    logging.getLogger("traktauth").addHandler(logging.StreamHandler())
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
    from traktauth.web.allauth import web_login_of

    secrets = ["a" * 64, "b" * 64]
    found["secrets"] = [web_login_of("another-app", each).app.client_secret for each in secrets] == secrets
    try:
        trakt_for(SocialAccount(provider="github"))
    except ValueError as error:
        found["foreign"] = str(error)

    from allauth.socialaccount.signals import social_account_removed
    from django.db import connection, transaction
    from traktauth.web.django.models import LoginRecord

    def connect():
        page = client.post("/accounts/trakt/login/?process=connect&next=/history").headers["Location"]
        assert client.get(visit(server, page)).headers["Location"] == "/history"
        return SocialAccount.objects.get()

    def tokens_of_store():
        return [record.key for record in LoginRecord.objects.all() if '"refresh_token":' in record.text]

    def disconnect():
        done = client.post("/accounts/3rdparty/", {"account": SocialAccount.objects.get().pk})
        assert done.status_code == 302, done.content
        return [SocialAccount.objects.count(), len(tokens_of_store()), sum(server.ledger["alive"].values())]

    user = User.objects.get()
    user.set_password("correct horse battery")  # or allauth does not remove the only way to sign in
    user.save()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    server.reset()
    account = connect()
    try:
        with transaction.atomic():
            social_account_removed.send(sender=SocialAccount, request=None, socialaccount=account)
            raise KeyError
    except KeyError:
        found["rolled_back"] = [len(tokens_of_store()), sum(server.ledger["alive"].values())]
    found["before"] = [len(tokens_of_store()), sum(server.ledger["alive"].values())]
    found["disconnected"] = disconnect()
    found["erased"] = [name in record.text for record in LoginRecord.objects.all() for name in ("sean", account.uid)]
    from traktauth.web.allauth import disconnect as disconnect_here

    disconnect_here(connect())
    found["disconnected_here"] = [
        SocialAccount.objects.count(), len(tokens_of_store()), sum(server.ledger["alive"].values())
    ]
    connect()
    server.fail_next("/oauth/revoke", status=503)
    found["disconnected_in_outage"] = disconnect()
    connect()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE traktauth_django_login RENAME TO elsewhere")
    done = client.post("/accounts/3rdparty/", {"account": SocialAccount.objects.get().pk})
    found["disconnected_without_store"] = [done.status_code, SocialAccount.objects.count()]
    server.__exit__(None, None, None)
    print(json.dumps(found))
    """
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return run_in_project("allauth", PROGRAM, tmp_path_factory.mktemp("allauth"))


def test_a_user_signs_in_and_is_known_by_their_uuid(found):
    assert (found["pkce"], found["scope"]) == (True, False)
    assert found["landed"] == "/history"
    assert found["uid"] is True
    assert found["name"] == ["sean"] * 3
    assert found["shown"] == 1
    assert found["tokens"] == 0, "the project asks for it"


def test_a_secret_that_is_replaced_in_the_database_is_used_at_once(found):
    assert found["secrets"] is True


def test_what_fails_does_not_sign_in(found):
    assert found["again"] != "/history", "a callback that is opened again"
    assert found["outage_signed_in"] is False
    assert found["revoked"] == "/accounts/trakt/login/?next=/history"
    assert "provider trakt, not github" in found["foreign"]


def test_a_user_who_removes_the_account_ends_the_login_here_and_at_trakt(found):
    assert found["before"] == [1, 2]
    assert found["disconnected"] == [0, 0, 0]
    assert not any(found["erased"])
    assert found["disconnected_here"] == [0, 0, 0], "by a view of the project"
    assert found["rolled_back"] == [1, 2]


def test_an_outage_does_not_keep_a_user_from_removing_the_account(found):
    assert found["disconnected_in_outage"] == [0, 0, 2]
    assert "the user has disconnected, but the login could not be revoked" in found["log"]
    assert found["disconnected_without_store"] == [302, 0]
    assert "the user has disconnected, but the login is still stored" in found["log"]
