"""Processes call the API while their logins are moved from store to store."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from support.private_home import wait_until
from support.web_users import web_trakt
from traktauth import Trakt
from traktauth.stores.move import Outcome, move
from traktauth.stores.open import open_store

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PROGRAMS = [("blocking", "default"), ("blocking", "tv"), ("async", "default"), ("async", "tv")]
CALLS = 15  # of each program in each store
IN_TIME = 120.0
LATER = {Outcome.BUSY, Outcome.UNCONFIRMED}


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


def everybody_goes_on(logs):
    """Wait until each program had some more responses."""
    before = [len(lines(log)) for log in logs]
    wait_until(lambda: all(len(lines(log)) >= had + CALLS for log, had in zip(logs, before, strict=True)), IN_TIME)


def move_all(source, target):
    """Move every login; one that is being refreshed is moved by another run."""
    with closing(open_store(source)) as old, closing(open_store(target)) as new:
        deadline = time.monotonic() + IN_TIME
        while outcomes := {moved.outcome for moved in move(old, new)} - {Outcome.MOVED, Outcome.ALREADY}:
            assert outcomes <= LATER
            assert time.monotonic() < deadline


def test_programs_go_on_while_their_logins_are_moved(tmp_path, redis_address, postgres_address):
    chain = [f"file:{tmp_path}/logins.json", f"sqlite:{tmp_path}/logins.db", redis_address, postgres_address]
    with web_trakt(access_life=8) as server:
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRAKTAUTH_")} | {
            "TRAKTAUTH_STORE": chain[0],
            "TRAKTAUTH_SERVICE": server.url,
            "TRAKTAUTH_CLIENT_ID": server.app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": server.app.client_secret,
            "TRAKTAUTH_REDIRECT_URI": server.app.redirect_uri,
            "DATABASE_URL": postgres_address,  # with the password, which no record holds
        }
        for account in ("default", "tv"):
            with Trakt(server.app, service=server.url, store=chain[0], account=account) as trakt:
                server.sign_in_at(trakt)
        with programs(tmp_path, env) as logs:
            everybody_goes_on(logs)
            for source, target in itertools.pairwise(chain):
                move_all(source, target)
                everybody_goes_on(logs)
            while server.ledger["rotations"] == 0:  # the moves may all have been made before the first token expired
                everybody_goes_on(logs)
        assert {line for log in logs for line in lines(log)} == {"200"}
        assert server.ledger["replays"] == 0
    holders = Counter()
    for place in chain:
        with closing(open_store(place)) as store:
            holders.update(login.account for login in store.list_logins() if store.load(login).token is not None)
    assert holders == {"default": 1, "tv": 1}
