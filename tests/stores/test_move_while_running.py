"""Eight processes call the API while their logins are moved from store to store."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from support.private_home import wait_until
from support.process import Server, free_port
from support.web_users import visit, web_trakt
from traktauth import Trakt
from traktauth.models import App
from traktauth.stores.move import Outcome, move
from traktauth.stores.open import open_store

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PROGRAMS = [("blocking", "default"), ("blocking", "tv"), ("async", "default"), ("async", "tv")]
WORKERS = 4
USERS = ("sean", "lola", "mira")
CALLS = 15  # of each program and user in each store
IN_TIME = 120.0
LATER = {Outcome.BUSY, Outcome.UNCONFIRMED}


class Visitor(threading.Thread):
    """A web user with a session, who loads a page without end."""

    def __init__(self, site, server, username):
        super().__init__(daemon=True)
        self.username, self.ended = username, threading.Event()
        self.answers = []
        self.browser = httpx2.Client(base_url=site, timeout=60.0)
        begun = self.browser.get("/trakt/login?next=/name")
        self.browser.get(visit(server, begun.headers["Location"], username=username))

    def run(self):
        while not self.ended.is_set():
            response = self.browser.get("/name")
            self.answers.append(response.status_code if response.text == self.username else response.text[:200])
            time.sleep(0.02)
        self.browser.close()


@contextmanager
def programs(folder, env):
    """Run the programs; yield their logs."""
    logs = [folder / f"{number}.log" for number in range(len(PROGRAMS))]
    started = [
        subprocess.Popen([sys.executable, str(HERE / "moving_program.py"), *words, str(log)], env=env)
        for words, log in zip(PROGRAMS, logs, strict=True)
    ]
    try:
        yield logs
        for log in logs:
            log.with_suffix(".stop").touch()
        for process in started:
            assert process.wait(IN_TIME) == 0
    finally:
        for process in started:
            process.kill()
            process.wait()


def lines(log):
    return log.read_text().splitlines() if log.exists() else []


def everybody_goes_on(logs, visitors):
    """Wait until each program and each visitor had some more answers."""
    before = [len(lines(log)) for log in logs], [len(each.answers) for each in visitors]
    wait_until(
        lambda: (
            all(len(lines(log)) >= count + CALLS for log, count in zip(logs, before[0], strict=True))
            and all(len(each.answers) >= count + CALLS for each, count in zip(visitors, before[1], strict=True))
        ),
        IN_TIME,
    )


def move_all(source, target):
    """Move every login; one that is being refreshed is moved by another run."""
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        deadline = time.monotonic() + IN_TIME
        while outcomes := {moved.outcome for moved in move(old, new)} - {Outcome.MOVED, Outcome.ALREADY}:
            assert outcomes <= LATER
            assert time.monotonic() < deadline


def test_programs_and_a_web_application_go_on_while_their_logins_are_moved(tmp_path, redis_address, postgres_address):
    pytest.importorskip("gunicorn")
    chain = [f"file:{tmp_path}/logins.json", f"sqlite:{tmp_path}/logins.db", redis_address, postgres_address]
    with web_trakt(access_life=8) as server:
        port = free_port()
        app = App(
            server.app.client_id,
            client_secret=server.app.client_secret,
            redirect_uri=f"http://127.0.0.1:{port}/trakt/callback",
        )
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")} | {
            "HOME": str(tmp_path),  # gunicorn makes a folder there
            "TRAKTAUTH_STORE": chain[0],
            "TRAKTAUTH_SERVICE": server.url,
            "TRAKTAUTH_CLIENT_ID": app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": app.client_secret,
            "TRAKTAUTH_REDIRECT_URI": app.redirect_uri,
            "DATABASE_URL": postgres_address,  # with the password, which no record holds
        }  # fmt: skip
        for account in ("default", "tv"):
            with Trakt(app, service=server.url, store=chain[0], account=account) as trakt:
                server.sign_in_at(trakt)
        gunicorn = [sys.executable, "-m", "gunicorn", "-w", str(WORKERS), "-b", f"127.0.0.1:{port}", "-t", "120"]
        site = Server(
            [*gunicorn, "--chdir", str(HERE), "moving_site:application"], port=port, log=tmp_path / "site", env=env
        )
        with site.wait_until_ready("/trakt/login"), programs(tmp_path, env) as logs:
            for username in USERS[1:]:
                server.sign_in(username)
            visitors = [Visitor(site.base, server, username) for username in USERS]
            for visitor in visitors:
                visitor.start()
            everybody_goes_on(logs, visitors)
            for source, target in itertools.pairwise(chain):
                move_all(source, target)
                everybody_goes_on(logs, visitors)
            visitors.append(again := Visitor(site.base, server, USERS[0]))  # signs in with another browser
            again.start()
            everybody_goes_on(logs, visitors)
            while server.ledger["rotations"] == 0:  # the moves may all have been made before the first token expired
                everybody_goes_on(logs, visitors)
            for visitor in visitors:
                visitor.ended.set()
                visitor.join(IN_TIME)
        said = Counter(line for log in logs for line in lines(log)) + Counter(
            answer for visitor in visitors for answer in visitor.answers
        )
        assert set(said) == {"200", 200}, (tmp_path / "site").read_text()[-2000:]
        assert server.ledger["replays"] == 0
    holders = Counter()
    for place in chain:
        with closing(open_store(place)) as store:
            holders.update(login for login in store.list_logins() if store.load(login).token is not None)
    assert set(holders.values()) == {1}
    assert len(holders) == len({"default", "tv", *USERS})
    with closing(open_store(chain[-1])) as store:
        assert set(store.list_logins()) == set(holders)
