"""The library's log: whom a record is about, why a token was or was not refreshed, and silence by default."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from traktauth import LoginRequired, Trakt, TryLater


def test_every_record_carries_the_account_and_says_why(trakt, trakt_server, sign_in, caplog):
    caplog.set_level(logging.DEBUG, "traktauth")
    old = sign_in(left=-1, account="tv")
    new = trakt.for_account("tv").token()
    records = [each for each in caplog.records if each.name == "traktauth"]
    assert {(each.account, each.service) for each in records} == {("tv", trakt_server.base)}
    assert all(each.getMessage().startswith("tv: ") for each in records)
    assert [(each.levelname, each.note) for each in records] == [
        ("DEBUG", f"{old.fingerprint} needs a refresh: it expired 1 s ago"),
        ("INFO", f"refreshed {old.fingerprint} to {new.fingerprint}, generation 2"),
    ]


class Waits(logging.Handler):
    """Notices that a call waits for another one."""

    def __init__(self):
        super().__init__()
        self.seen = threading.Event()

    def emit(self, record):
        if "waits for the refresh" in record.getMessage():
            self.seen.set()


@pytest.fixture
def waits(caplog):
    caplog.set_level(logging.DEBUG, "traktauth")
    handler = Waits()
    logging.getLogger("traktauth").addHandler(handler)
    yield handler.seen
    logging.getLogger("traktauth").removeHandler(handler)


def test_the_call_that_waits_for_another_ones_refresh_says_so(trakt_server, app, address, sign_in, caplog, waits):
    sign_in(left=-1)
    trakt_server.before.append(lambda: waits.wait(30))
    with Trakt(app, service=trakt_server.base, store=address) as trakt, ThreadPoolExecutor(2) as pool:
        tokens = list(pool.map(lambda _: trakt.token(), range(2)))
    assert tokens[0] == tokens[1]
    notes = [each.note for each in caplog.records]
    assert notes.count("waits for the refresh that another call of this program makes") == 1
    assert sum(note.startswith("refreshed ") for note in notes) == 1


def test_a_refresh_that_is_not_sent_yet_is_reported(trakt, trakt_server, sign_in, caplog):
    caplog.set_level(logging.DEBUG, "traktauth")
    sign_in(left=600)
    trakt_server.after.append(lambda: True)  # the response is lost
    for _ in range(2):
        with pytest.raises(TryLater):
            trakt.token(min_life=3000)
    assert len(trakt_server.refreshes) == 1
    notes = [each.note for each in caplog.records if each.levelname == "DEBUG"]
    assert re.search(r": no refresh is sent for [56]\d\d s: A refresh of this login was sent", notes[-1])


def test_a_valid_token_logs_nothing(trakt, sign_in, caplog):
    caplog.set_level(logging.DEBUG, "traktauth")
    sign_in()
    trakt.token()
    assert caplog.records == []


def test_a_program_without_a_handler_sees_no_warning(trakt_server, address, sign_in):
    sign_in(left=-1)
    trakt_server.answers.append((503, {}, {}))
    program = (
        "from traktauth import App, Trakt, TryLater\n"
        f"trakt = Trakt(App('client-id'), service={trakt_server.base!r}, store={address!r})\n"
        "try:\n    trakt.token()\nexcept TryLater:\n    print('later')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert (run.stdout, run.stderr) == ("later\n", "")


def events(caplog):
    records = [record for record in caplog.records if record.name == "traktauth"]
    return [(record.event, record.reason, record.generation) for record in records]


def test_a_refresh_and_its_end_are_events_with_reason_and_generation(server, caplog):
    caplog.set_level(logging.DEBUG, "traktauth")
    with Trakt(server.app, service=server.url, store="memory:", clock=server.clock) as trakt:
        token = server.sign_in_at(trakt)
        server.expire("access", token.access_token)
        assert trakt.request("GET", "/users/settings").status_code == 200
        assert events(caplog) == [("refresh-needed", "rejected", 1), ("refreshed", "", 2)]
        caplog.clear()
        server.expire("refresh", trakt.token().refresh_token)
        with pytest.raises(LoginRequired):
            trakt.refresh()
        assert events(caplog) == [("login-ended", "revoked", 2)]
        caplog.clear()
        trakt.logout(local=True)
        trakt.login("paste", prompt=lambda step: server.browse(step.url))
        assert ("signed-in", "", 4) in events(caplog)
