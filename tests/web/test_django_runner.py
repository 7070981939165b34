"""Django's own test runner with `TestCase` and PostgreSQL, in a project of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from support.engines import CHECKOUT
from support.postgres import DATABASE, PASSWORD, USER, PostgresServer, absence

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]

PAGE = (CHECKOUT / "docs" / "web" / "django.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MORE = dedent(
    '''
    from django.db import connection, transaction
    from django.test import TransactionTestCase
    from traktauth.web.django import DjangoStore, web_login


    def sessions():
        """Count the connections to this test's database."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return cursor.fetchone()[0]


    def settings_of(server):
        return {
            "CLIENT_ID": "id",
            "CLIENT_SECRET": "secret",
            "REDIRECT_URI": "https://testserver/trakt/callback",
            "SERVICE": server.url,
            "CLOCK": server.clock,
        }


    class Again(SignIn):
        """The same, after the rollback: nothing of the first is left."""

        def setUp(self):
            self.assertEqual(DjangoStore().list_logins(), [])


    class InTransactions(TransactionTestCase):
        def test_a_rollback_does_not_lose_a_refreshed_token(self):
            with LocalTrakt(seed=SEED) as server, override_settings(TRAKTAUTH=settings_of(server)):
                trakt = web_login().trakt("account")
                server.sign_in_at(trakt)
                before = sessions()
                server.advance(days=8)
                with transaction.atomic():
                    trakt.request("GET", "/users/settings")
                    transaction.set_rollback(True)
                self.assertEqual(trakt.request("GET", "/users/settings").status_code, 200)
                self.assertEqual((server.ledger["rotations"], server.ledger["replays"]), (1, 0))
                server.advance(days=8)
                self.assertEqual(trakt.request("GET", "/users/settings").status_code, 200)
                self.assertEqual(sessions(), before)  # no thread has left a connection behind
    '''
)


@pytest.fixture
def project(tmp_path):
    example = CHECKOUT / "examples" / "web" / "django"
    for path in (example / "settings.py", example / "manage.py"):
        (tmp_path / path.name).write_text(path.read_text())
    with (tmp_path / "settings.py").open("a") as settings:
        settings.write((BLOCKS[0] + BLOCKS[-2]).replace("…", "id"))  # the page's settings, and those behind a proxy
    (tmp_path / "library.py").write_text(BLOCKS[1])  # the page's urls and view
    (tmp_path / "tests.py").write_text(BLOCKS[-1] + MORE)
    return tmp_path


def test_the_projects_tests_pass_on_postgresql(project):
    postgres = PostgresServer()
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "manage.py", "test", "--noinput"],
            cwd=project,
            env={
                "PATH": str(Path(sys.executable).parent),
                "PGDATABASE": DATABASE,
                "PGHOST": "127.0.0.1",
                "PGPORT": str(postgres.port),
                "PGUSER": USER,
                "PGPASSWORD": PASSWORD,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        postgres.stop()
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Ran 3 tests" in done.stderr
