"""`traktauth.web.django` with Django's test client."""

from __future__ import annotations

import re
import threading
import unittest
from pathlib import Path

import pytest

from support.django_project import configure, databases, trakt_settings
from support.web_users import visit

configure()

from django.conf import settings as project  # noqa: E402 - once Django is configured
from django.core.checks import run_checks  # noqa: E402 - the same
from django.core.exceptions import ImproperlyConfigured, PermissionDenied  # noqa: E402 - the same
from django.db import IntegrityError, connection, connections, transaction  # noqa: E402 - the same
from django.http import HttpRequest  # noqa: E402 - the same
from django.test import Client, TestCase, modify_settings, override_settings  # noqa: E402 - the same

from traktauth.errors import AppInvalid, StoreFailed  # noqa: E402 - the same
from traktauth.testing import StoreContract  # noqa: E402 - the same
from traktauth.web.django import DjangoStore, account_of, signed_in, trakt_required, web_login  # noqa: E402 - the same
from traktauth.web.django.models import LoginLock, LoginRecord  # noqa: E402 - the same


@pytest.fixture(scope="module", autouse=True)
def _databases():
    with databases():
        yield


@pytest.fixture(autouse=True)
def _empty():
    yield
    LoginRecord.objects.all().delete()
    LoginLock.objects.all().delete()


@pytest.fixture
def configured(server):
    with override_settings(TRAKTAUTH=trakt_settings(server, AFTER="/home")):
        yield


@pytest.fixture
def client(configured):
    return Client()


def get(client, path, **more):
    return client.get(path, secure=True, **more)


def post(client, path, **more):
    return client.post(path, secure=True, **more)


def sign_in(server, client, path="/trakt/login?next=/name", **user):
    begun = get(client, path)
    assert begun.status_code == 303
    return get(client, visit(server, begun["Location"], **user))


def account(client):
    return get(client, "/account").json()


def test_the_session_gets_a_new_id_at_the_sign_in(server, client):
    get(client, "/trakt/login")
    client.session.save()
    before = client.session.session_key
    sign_in(server, client)
    assert client.session.session_key not in {None, before}


def test_a_form_without_djangos_token_is_refused(server, configured):
    client = Client(enforce_csrf_checks=True)
    sign_in(server, client)
    assert post(client, "/trakt/logout").status_code == 403
    assert get(client, "/name").content == b"sean"


def test_a_token_of_djangos_from_before_the_sign_in_is_void_after_it(server, configured):
    """Who has planted it, with its cookie or session, knows it."""
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = planted = "p" * 32
    sign_in(server, client)
    assert client.cookies["csrftoken"].value != planted
    form = {"csrfmiddlewaretoken": planted}
    assert client.post("/trakt/logout", form, secure=True, headers={"Origin": "https://testserver"}).status_code == 403


@pytest.mark.parametrize(
    "changed",
    [{"CLIENT_ID": "d" * 64}, {"SERVICE": "http://127.0.0.1:1"}, {"REDIRECT_URI": "https://testserver/staff/callback"}],
)
def test_a_user_of_one_sign_in_is_not_signed_in_at_another(server, client, changed):
    sign_in(server, client)
    with override_settings(TRAKTAUTH=trakt_settings(server, **changed)):
        assert account(client) is None
        assert post(client, "/trakt/logout").status_code == 303
    assert get(client, "/name").content == b"sean"


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_a_sign_out_is_saved_with_a_503(server, configured, engine):
    """Django's middleware saves no session with such a response."""
    engine = f"django.contrib.sessions.backends.{engine}"
    with override_settings(TRAKTAUTH=trakt_settings(server, REVOKE=True), SESSION_ENGINE=engine):
        client = Client()
        sign_in(server, client)
        server.fail_next("/oauth/revoke", status=429)
        assert post(client, "/trakt/logout").status_code == 503
        assert list(get(client, "/session").json()) == ["trakt_last_account", "trakt_revocation"]
        assert post(client, "/trakt/logout").status_code == 303
        assert server.ledger["alive"] == {"access": 0, "refresh": 0}


def test_a_cookie_with_a_blank_before_its_name_is_another_cookie(server, client):
    """A sibling host can set it, for the whole domain; browsers protect only the exact prefix `__Host-`."""
    attacker = Client()
    landed = visit(server, get(attacker, "/trakt/login")["Location"])
    [(name, morsel)] = attacker.cookies.items()
    header = f"\u2000{name}={morsel.value}".encode().decode("latin-1")
    planted = get(client, landed, HTTP_COOKIE=header)
    assert (planted.status_code, "did not begin this sign-in" in planted.text) == (400, True)
    assert get(attacker, landed).status_code == 303


def test_another_sites_page_cannot_sign_a_user_in_without_asking(server, configured):
    """The form of `test_frameworks.py` needs no token of Django's."""
    client = Client(enforce_csrf_checks=True)
    refused = post(client, "/trakt/login?next=/name", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, bool(refused.cookies)) == (403, False)
    begun = post(client, "/trakt/login?next=/name", headers={"Sec-Fetch-Site": "same-origin"})
    assert get(client, visit(server, begun["Location"]))["Location"] == "/name"


def test_a_project_behind_a_prefix_leads_to_its_own_root(server):
    with override_settings(TRAKTAUTH=trakt_settings(server), FORCE_SCRIPT_NAME="/app"):
        assert post(Client(), "/trakt/logout")["Location"] == "/app/"
    with override_settings(TRAKTAUTH=trakt_settings(server)):
        assert post(Client(), "/trakt/logout")["Location"] == "/"


@pytest.fixture
def receive():
    """Get `receive(function)`: it is called when a user signs in."""
    connected = []

    def connect(function):
        connected.append(function)
        signed_in.connect(function)

    yield connect
    for each in connected:
        signed_in.disconnect(each)


def test_the_project_signs_its_own_user_in(server, client, receive):
    from django.contrib.auth import login  # noqa: PLC0415 - once the databases are there
    from django.contrib.auth.models import User  # noqa: PLC0415 - the same

    before = []

    def keep(request, signed_in, **_):
        before.append(request.user.is_authenticated)
        user, _ = User.objects.get_or_create(username=signed_in.username)
        login(request, user)

    receive(keep)
    try:
        sign_in(server, client)
        sean = account(client)
        assert get(client, "/user").content == b"sean"
        server.sign_in("lola")
        sign_in(server, client, username="lola")  # over the session of the other
        assert (get(client, "/user").content, get(client, "/name").content) == (b"lola", b"lola")
        assert account(client) not in {None, sean}
        client.force_login(User.objects.get(username="sean"))
        assert (account(client), sign_in(server, client, username="lola")["Location"]) == (None, "/name")
        assert (get(client, "/user").content, get(client, "/name").content) == (b"lola", b"lola")
        assert before == [False, False, True]
    finally:
        User.objects.all().delete()


def test_the_pages_receiver_signs_a_user_in(server, client):
    from django.contrib.auth.models import User  # noqa: PLC0415 - once the databases are there

    page = (Path(__file__).parents[2] / "docs" / "web" / "django.md").read_text()
    (block,) = (each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "@receiver" in each)
    names = {}
    exec(block, names)
    try:
        sign_in(server, client)
        assert get(client, "/user").text == account(client)
    finally:
        signed_in.disconnect(names["sign_in_user"])
        User.objects.all().delete()


def test_the_project_can_refuse_a_user(server, client, receive):
    def refuse(signed_in, **_):
        raise PermissionDenied(signed_in.username)

    receive(refuse)
    assert sign_in(server, client).status_code == 403
    assert account(client) is None


def test_another_trakt_account_signs_the_projects_user_out(server, client):
    from django.contrib.auth.models import User  # noqa: PLC0415 - once the databases are there

    user = User.objects.create_user("sean")
    try:
        client.force_login(user)
        sign_in(server, client)
        assert "_auth_user_id" in list(get(client, "/session").json())
        server.sign_in("lola")
        sign_in(server, client, username="lola")
        assert list(get(client, "/session").json()) == ["trakt_account"]
    finally:
        user.delete()


# ---------------------------------------------------------------- the store
class TestDjangoStore(StoreContract):
    """Every promise of a store."""

    def open_store(self, place):
        return DjangoStore()

    def test_the_lock_of_a_killed_process_is_free_again(self, tmp_path, monkeypatch):
        monkeypatch.setattr("traktauth.web.django.store.LEASE", 1.0)
        super().test_the_lock_of_a_killed_process_is_free_again(tmp_path)

    def test_two_stores_over_one_place_are_known_as_one(self):
        """A project's database is one place, whatever folder a test has."""
        assert DjangoStore().identity == DjangoStore("default").identity


def test_a_store_at_work_in_another_thread_closes_what_it_opened():
    opened = []

    def work():
        DjangoStore().check_writable()
        opened.append(connections["default"].connection)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert opened == [None]


def test_a_connection_that_was_open_stays_open():
    connection.ensure_connection()
    before = connection.connection
    DjangoStore().check_writable()
    assert connection.connection is before


class RolledBack(TestCase):
    """A login that is saved in a TestCase is gone after it."""

    def runTest(self):  # noqa: N802 - unittest's name
        store = DjangoStore()
        outside = store.identity
        store.check_writable()
        thread = threading.Thread(target=store.check_writable)  # as a refresh does
        thread.start()
        thread.join()
        assert LoginRecord.objects.filter(key="trial").exists()
        assert outside[2] is not None


def run_unittest(*tests):
    result = unittest.TestResult()
    unittest.TestSuite(tests).run(result)
    assert result.wasSuccessful(), [*result.failures, *result.errors]


def test_what_a_test_case_saved_is_gone_after_it():
    run_unittest(RolledBack())
    assert not LoginRecord.objects.filter(key="trial").exists()


def test_each_test_case_has_a_place_of_its_own():
    places = []

    class Twice(TestCase):
        def test_one(self):
            places.append(DjangoStore().identity)

        def test_two(self):
            places.append(DjangoStore().identity)

    run_unittest(Twice("test_one"), Twice("test_two"))
    assert len({*places, DjangoStore().identity}) == 3


def test_a_record_shows_no_token():
    assert str(LoginRecord(key="a" * 64, text="secret")) == "aaaaaaaa…"
    assert str(LoginLock(key="a" * 64)) == "aaaaaaaa…"


# ---------------------------------------------------------------- settings
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({}, "needs CLIENT_ID and REDIRECT_URI"),
        ({"CLIENT_ID": "id", "REDIRECT_URI": "https://a/callback", "CLIENTSECRET": "x"}, "has no key CLIENTSECRET"),
        ({"CLIENT_ID": "id", "REDIRECT_URI": "a callback"}, "redirect address"),
        ({"CLIENT_ID": "id", "REDIRECT_URI": "https://a/elsewhere"}, "callback route"),
        ({"CLIENT_ID": "id", "REDIRECT_URI": "http://example.com/callback"}, "only on loopback"),
        ({"CLIENT_ID": "id", "REDIRECT_URI": "https://a/callback", "MAX_AGE": 0}, "max_age"),
    ],
)
def test_a_wrong_setting_is_named(setting, message):
    with override_settings(TRAKTAUTH=setting), pytest.raises(ImproperlyConfigured, match=message):
        web_login()


def test_manage_py_check_names_what_is_wrong(configured):
    def found():
        return {each.id for each in run_checks() if each.id.startswith("traktauth")}

    assert found() == set()
    with override_settings(MIDDLEWARE=[]):
        assert found() == {"traktauth.E001"}
    with override_settings(TRAKTAUTH={"CLIENT_ID": "id"}):
        assert found() == {"traktauth.E002"}
    for wrong in (
        {"REDIRECT_URI": "http://example.com/trakt/callback"},
        {"STORE": "mysql://x/y"},
        {"SECRET": "short"},
        {"SERVICE": "nowhere"},
    ):
        with override_settings(TRAKTAUTH=project.TRAKTAUTH | wrong):
            assert found() == {"traktauth.E002"}, wrong
    with override_settings():
        del project.TRAKTAUTH
        assert found() == {"traktauth.E002"}
        with override_settings(ROOT_URLCONF="django.contrib.auth.urls"):  # DjangoStore alone
            assert found() == set()
    with modify_settings(INSTALLED_APPS={"remove": "django.contrib.sessions"}):
        assert found() == {"traktauth.E001"}
        with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
            assert found() == set()
    with override_settings(TRAKTAUTH=dict(project.TRAKTAUTH, REDIRECT_URI="https://testserver/elsewhere/callback")):
        assert found() == {"traktauth.W001"}


def test_manage_py_check_finds_transactions_that_keep_the_store_from_saving(configured, monkeypatch):
    def found():
        return {each.id for each in run_checks() if each.id.startswith("traktauth")}

    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", value=True)
    assert found() == {"traktauth.W002"}
    with override_settings(TRAKTAUTH=dict(project.TRAKTAUTH, STORE=DjangoStore())):
        assert found() == {"traktauth.W002"}
    for elsewhere in (
        {"TRAKTAUTH": dict(project.TRAKTAUTH, STORE="memory:")},
        {"SOCIALACCOUNT_PROVIDERS": {"trakt": {"STORE": "memory:"}}},
        {"SOCIAL_AUTH_TRAKT_STORE": "memory:"},
    ):
        with override_settings(**elsewhere):
            assert found() == set(), elsewhere


@pytest.fixture
def passing_row():
    """Refuse the next INSERT as if another process had a row there, which it deletes at once."""
    waiting = [IntegrityError("UNIQUE constraint failed")]

    def refuse(execute, sql, params, many, context):
        if sql.startswith("INSERT") and waiting:
            raise waiting.pop()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        yield waiting


def test_a_lock_that_is_given_back_while_it_is_taken_is_taken_a_moment_later(passing_row):
    with DjangoStore().locked("login", 5.0) as is_held:
        assert is_held
    assert passing_row == []


def test_a_record_that_another_process_creates_and_deletes_is_not_a_failure(passing_row):
    store = DjangoStore()
    assert not store.swap("login", None, "mine")
    assert store.swap("login", None, "mine")
    assert store.read("login") == "mine"


def test_a_store_that_the_requests_transaction_locks_out_names_it(configured, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.01)
    with (
        transaction.atomic(),
        pytest.raises(StoreFailed, match=r"database is locked, by this request's own transaction \(ATOMIC_REQUESTS"),
    ):
        DjangoStore().check_writable()


def test_what_is_to_be_done_after_the_commit_is_not_done_after_a_rollback(configured):
    done = []
    store = DjangoStore()
    store.after_commit(lambda: done.append("without a transaction"))
    with transaction.atomic():
        store.after_commit(lambda: done.append("after the commit"))
        assert done == ["without a transaction"]
    assert done == ["without a transaction", "after the commit"]
    with transaction.atomic():
        store.after_commit(lambda: done.append("after a rollback"))
        transaction.set_rollback(True)
    assert len(done) == 2


def test_a_redirect_address_that_leads_elsewhere_is_reported_before_a_user_is_sent_to_trakt(server):
    elsewhere = trakt_settings(server, REDIRECT_URI="https://testserver/elsewhere/callback")
    with override_settings(TRAKTAUTH=elsewhere), pytest.raises(AppInvalid, match="leads to /elsewhere/callback"):
        get(Client(), "/trakt/login")


def test_a_project_without_sessions_is_an_error(configured):
    with pytest.raises(ImproperlyConfigured, match="needs sessions"):
        account_of(HttpRequest())


def test_an_async_view_is_refused():
    async def view(request): ...

    with pytest.raises(TypeError, match="not async"):
        trakt_required(view)
