"""`traktauth keep` as a process: what is due is renewed once, through stops and kills, on every store of a fleet."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import closing
from copy import copy
from typing import NamedTuple

import pytest

from support.engines import Missing
from support.local import APP
from support.redis import RedisServer
from traktauth import Trakt
from traktauth.cli.keep import command as keep_command
from traktauth.client.settings import Settings
from traktauth.models import LoginKey, Token
from traktauth.models.changes import SaveToken, SetRefreshable
from traktauth.stores.open import open_store
from traktauth.testing import LocalTrakt

FAST = ("--pace", "1000/0")
LIFE = 604800


class Crew(NamedTuple):
    """Logins of a fleet, at a local Trakt and in a store."""

    command: object
    local: object
    address: str

    def records(self):
        with closing(open_store(self.address)) as store:
            return {login.account: store.load(login) for login in store.list_logins()}

    def generations(self):
        return {account: record.generation for account, record in self.records().items()}

    def open(self):
        return {account for account, record in self.records().items() if record.pending_refresh is not None}

    def sign_in(self, count, *, due=True):
        """Sign accounts in, so that they are due, or just fresh."""
        asked = {"client_id": APP.client_id, "count": count}
        made = self.local.control("POST", "tokens", asked)["tokens"]
        left = LIFE * (0.05 if due else 1.0)
        with closing(open_store(self.address)) as store:
            for number, each in enumerate(made):
                token = Token(each["access_token"], each["refresh_token"], "bearer", LIFE, None, time.time() + left)
                login = LoginKey(self.local.base, APP.client_id, f"user-{number:02}{'' if due else '-fresh'}")
                first = Token(**{name: getattr(token, name) for name in Token.__slots__} | {"generation": 1})
                assert store.apply(login, SaveToken(first, after=0, at=time.time()))
        return self

    def show(self, *words, steps=()):
        words = ("keep", "--store", self.address, *FAST, *words)
        return self.command.show(*words, columns=80, rows=24, steps=steps)

    def slow_down(self, seconds):
        self.local.control("PUT", "faults", [{"path": "/oauth/token", "times": 10_000, "delay": seconds}])

    def speed_up(self):
        self.local.control("DELETE", "faults")

    def keep(self, *words, **env):
        return self.command("keep", "--store", self.address, *FAST, *words, **env)

    def start(self, *words):
        return self.command.start("keep", "--store", self.address, "--json", *FAST, *words)

    def refreshes(self):
        ledger = self.local.ledger()
        assert (ledger["replays"], ledger["families_killed"]) == (0, 0)
        return ledger["counts"].get("POST /oauth/token", {}).get("refresh_token", 0)


@pytest.fixture
def crew(at_local, local):
    return Crew(at_local, local, f"sqlite:{at_local.folder}/fleet.db")


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def ended(process, within=60):
    out, err = process.communicate(timeout=within)
    return process.returncode, lines(out), err


# ------------------------------------------------------------ a store whose logins were moved
def test_a_keeper_goes_on_with_the_store_that_its_logins_were_moved_to(crew):
    crew.sign_in(2)
    target = f"sqlite:{crew.command.folder}/new.db"
    assert crew.command("store", "move", crew.address, target).status == 0
    outcome = crew.keep("--once", "--json")
    assert outcome.status == 0
    started = [each["store"] for each in lines(outcome.out) if each["event"] == "started"]
    assert started == [crew.address, target]
    assert crew.refreshes() == 2
    assert set(Crew(crew.command, crew.local, target).generations().values()) == {2}


# ------------------------------------------------------------ a step
def test_once_refreshes_the_due_logins_only(crew):
    crew.sign_in(7)
    crew.sign_in(3, due=False)
    outcome = crew.keep("--once", "--json")
    started, *events, summary = lines(outcome.out)
    assert (outcome.status, outcome.err) == (0, "")
    assert (started["event"], started["realm"], started["pace"]) == ("started", crew.local.base, "1000/0")
    assert "hunter2" not in outcome.out, "no password is shown"
    assert {event["event"] for event in events} == {"renewed"}
    assert sorted(event["login"]["account"] for event in events) == [f"user-{number:02}" for number in range(7)]
    assert summary == {"event": "summary"} | dict.fromkeys(list(summary)[1:], 0) | {"renewed": 7}
    generations = crew.generations()
    assert sorted(generations.values()) == [1] * 3 + [2] * 7
    assert crew.refreshes() == 7
    assert not crew.open()


def test_once_refreshes_at_most_the_limit(crew):
    crew.sign_in(5)
    first, second, third = (crew.keep("--once", "--limit", "3") for _ in range(3))
    last = [each.err.splitlines()[-1] for each in (first, second, third)]
    assert last[0].startswith("3 refreshed; 5 logins, 2 due now; the next is due ")
    assert last[1].startswith("2 refreshed; 5 logins, none due; the next is due ")
    assert last[2].startswith("Nothing refreshed; 5 logins, none due; the next is due ")
    assert [each.out for each in (first, second, third)] == [""] * 3
    assert crew.refreshes() == 5


def test_an_expired_login_is_reported_once_by_its_name(crew):
    crew.sign_in(1)
    (record,) = crew.records().values()
    crew.local.expire("refresh", record.token.refresh_token)
    outcome = crew.keep("--once")
    assert outcome.status == 0
    assert "user-00 needs a new sign-in; its token is valid until " in outcome.err
    assert record.token.refresh_token not in outcome.err
    assert crew.keep("--once").err.splitlines()[-1].startswith("Nothing refreshed; 1 login, none due")


# ------------------------------------------------------------ a plan
def test_a_plan_shows_what_would_be_refreshed_when_and_sends_nothing(crew):
    crew.sign_in(3)
    crew.sign_in(2, due=False)
    before = crew.records()
    outcome = crew.command("keep", "--store", crew.address, "--pace", "2/60", "--plan", "--json")
    *planned, plan = lines(outcome.out)
    assert (outcome.status, outcome.err) == (0, "")
    assert (plan["event"], plan["logins"], plan["due"]) == ("plan", 5, 3)
    assert plan["next_due_at"] == min(each["due_at"] for each in planned[3:])
    assert {each["action"] for each in planned} == {"refresh"}
    assert {each["login"]["account"] for each in planned[:3]} == {"user-00", "user-01", "user-02"}
    assert sorted(each["due_at"] for each in planned) == [each["due_at"] for each in planned]
    first, second, third, fourth, _ = (each["starts_at"] for each in planned)
    assert (second - first, third - first) == (0.0, 60.0), "by its pace"
    assert fourth == planned[3]["due_at"] > time.time()
    assert crew.records() == before
    assert crew.refreshes() == 0


def test_a_plan_fits_80_columns_and_counts_the_logins_that_it_omits(crew):
    crew.sign_in(2)
    crew.sign_in(3, due=False)
    with closing(open_store(crew.address)) as store:
        store.apply(
            next(login for login in store.list_logins() if login.account == "user-01"), SetRefreshable(1, "refused")
        )
    shown = crew.keep("--plan", "--limit", "4").out.splitlines()
    assert shown[0].startswith("5 logins, 2 due now; the next is due ")
    assert len([line for line in shown if re.fullmatch(r"  user-00 +now +refresh", line)]) == 1
    assert len([line for line in shown if re.fullmatch(r"  user-01 +now +report that .*", line)]) == 1
    fresh = [line for line in shown if re.fullmatch(r"  user-0\d-fresh +20\S+ \S+ \(in \d d[^)]*\) +refresh", line)]
    assert len(fresh) == 2
    assert shown[-1] == "  … and 1 more; --limit shows them"
    assert max(map(len, shown)) <= 80
    assert crew.refreshes() == 0


def test_a_store_without_logins_is_reported(crew):
    assert crew.keep("--plan").out == "The store has no login of this app\n"
    assert crew.keep("--once").err.splitlines()[-1] == "Nothing refreshed; the store has no login of this app"


# ------------------------------------------------------------ for a user
def shown_lines(text):
    """Return the lines of a terminal, those that were rewritten too, without colours; a broken line is made whole."""
    return re.split(r"[\r\n]+", re.sub(r"\r?\n  (?=\S)", " ", re.sub(r"\x1b\[\d*[Km]", "", text)))


def test_a_terminal_shows_how_many_there_are_and_when_the_next_is_due(crew):
    crew.sign_in(2, due=False)
    live = r"2 logins \| none due, next in \d d( \d+ h)? \| 0 refreshed"
    shown = crew.show(steps=[(live, lambda _: signal.raise_signal(signal.SIGINT))]).err
    assert re.search(r"2 logins, none due; the next is due 20\d\d-\d\d-\d\d", shown)
    assert max(len(line) for line in shown_lines(shown) if " | " in line) < 80


@pytest.mark.slow  # it waits for a probe
def test_an_outage_is_one_line_for_all_its_logins_and_stays_in_the_live_line(crew):
    crew.sign_in(6)
    crew.local.control("PUT", "faults", [{"path": "/oauth/token", "times": 2, "status": 503}])
    steps = [
        (r"service failing for \d+ s \| 6 logins", lambda _: None),
        (r"The service works again after", lambda _: signal.raise_signal(signal.SIGINT)),
    ]
    shown = crew.show(steps=steps).err
    events = [line for line in shown_lines(shown) if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert re.fullmatch(r"\S+ ! The service is failing \(.*503\); refreshing pauses until it works again", events[0])
    assert re.fullmatch(r"\S+ ✓ The service works again after .*; meanwhile \d logins? \w+.*", events[1])
    assert not [line for line in events if "user-" in line]
    assert not [line for line in shown_lines(shown) if "service failing" in line and ("pace" in line or "/s" in line)]
    assert "stays open" not in shown
    assert "probe" not in shown


def test_an_outage_that_lasts_is_one_line_in_a_pipe_too(crew):
    crew.sign_in(4)
    crew.local.control("PUT", "faults", [{"path": "/oauth/token", "times": 99, "status": 503}])
    outcome = crew.keep("--once")
    crew.speed_up()
    stamped = [line for line in outcome.err.splitlines() if re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d ", line)]
    assert "The service is failing (" in stamped[0]
    assert "The service is still failing; meanwhile 1 login " in stamped[1]
    assert len(stamped) == 2
    assert len(outcome.err.splitlines()) == 5, "a beginning of two lines, and a summary"


# ------------------------------------------------------------ for good
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_keep_after_the_refreshes_in_flight_are_saved(crew, sign, recording_proxy):
    proxied = copy(crew.local)
    wire = recording_proxy(crew.local.base)
    proxied.base = wire.base
    crew = Crew(crew.command.at(wire.base), proxied, crew.address).sign_in(20)
    main = threading.get_ident()

    def stop():
        signal.pthread_kill(main, sign)
        signal.pthread_kill(main, sign)

    wire.call("/oauth/token", stop)
    outcome = crew.keep("--json", "--in-flight", "2")
    assert (outcome.status, outcome.err) == (0, "")
    renewed = crew.refreshes()
    assert 1 <= renewed < 20, "it was stopped before its end"
    assert lines(outcome.out)[-1]["renewed"] == renewed
    assert sum(generation == 2 for generation in crew.generations().values()) == renewed
    assert not crew.open()


def numbers(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))


STATES = ("valid", "due", "overdue", "sign_in_required")


def test_metrics_are_served(crew):
    crew.sign_in(6)
    keeper = crew.start("--metrics", "0")
    started = json.loads(keeper.stdout.readline())
    for _ in range(6):
        keeper.stdout.readline()
    shown = numbers(started["metrics"])
    while float(shown["traktauth_keeper_in_flight"]):  # the last is still counted
        shown = numbers(started["metrics"])
    assert float(shown['traktauth_keeper_events_total{kind="renewed"}']) == 6
    states = {state: float(shown[f'traktauth_keeper_logins{{state="{state}"}}']) for state in STATES}
    assert states == {"valid": 6, "due": 0, "overdue": 0, "sign_in_required": 0}
    assert float(shown["traktauth_keeper_outage"]) == 0
    keeper.terminate()
    assert ended(keeper)[0] == 0


def test_a_closed_pipe_ends_keep_and_loses_no_login(crew):
    crew.sign_in(8)
    crew.slow_down(0.3)
    keeper = crew.start()
    keeper.stdout.readline()
    keeper.stdout.close()
    assert keeper.wait(60) == 1
    assert keeper.stderr.read() == ""
    crew.speed_up()
    assert sum(generation == 2 for generation in crew.generations().values()) == crew.refreshes()
    assert not crew.open()


def test_refreshing_continues_if_the_log_cannot_be_written(crew):
    if not os.path.exists("/dev/full"):  # noqa: PTH110 - a device
        pytest.skip("this system has no /dev/full")
    crew.sign_in(3)
    words = " ".join(("keep", "--store", crew.address, *FAST, "--once", "--json"))
    script = ["sh", "-c", f"exec $0 -m traktauth {words} >/dev/full", sys.executable]
    done = subprocess.run(script, env=crew.command.env, capture_output=True, text=True, check=False)
    assert crew.refreshes() == 3
    assert sum(generation == 2 for generation in crew.generations().values()) == 3
    assert done.stderr.count("refreshing continues without a log") == 1
    assert done.returncode == 1, "its log is not whole"


# ------------------------------------------------------------ what cannot be kept
@pytest.mark.slow
def test_a_redis_that_may_lose_logins_is_warned_of_in_the_log(crew, tmp_path):
    try:
        server = RedisServer(tmp_path, "--appendonly", "no")
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        careless = crew._replace(address=server.url).sign_in(1)
        # A process of its own: each warns once, and this one was warned when it signed in.
        lines = [json.loads(line) for line in careless.start("--once").communicate()[0].splitlines()]
    finally:
        server.stop()
    (warning,) = [line for line in lines if line["event"] == "warning"]
    assert "appendonly" in warning["message"]


def test_a_taken_port_for_numbers_is_reported(crew):
    port = crew.local.base.rpartition(":")[2]
    outcome = crew.keep("--metrics", port)
    assert outcome.status == 1
    assert f"Cannot listen on port {port}" in outcome.err


def test_keep_names_the_account_without_a_login_whose_file_it_should_write(command, tmp_path):
    address, file = f"sqlite:{tmp_path}/empty.db", tmp_path / "pytrakt.json"
    outcome = command("keep", "--once", "--write", f"pytrakt:{file}", "--store", address)
    assert (outcome.status, file.exists()) == (4, False)
    assert "Account default has no login" in outcome.err


def test_a_login_file_is_written_again_after_a_failure_and_a_refresh_elsewhere(tmp_path, monkeypatch, capsys):
    path = tmp_path / "folder" / "login.json"
    with LocalTrakt() as server:
        address, app = f"sqlite:{tmp_path}/logins.db", server.app
        settings = Settings(app.client_id, app.client_secret, service=server.url, store=address)
        with Trakt(app, service=server.url, store=address) as trakt:
            server.sign_in_at(trakt)
            monkeypatch.setattr(keep_command, "_LOOK_AT_FILES", 0.05)
            files = keep_command.LoginFiles(settings, [f"token:{path}"])

            async def keep_written():
                writing = asyncio.create_task(files.keep_written())
                for _ in range(2):
                    trakt.refresh()  # as another program would
                    await until(lambda: current(path) == trakt.token().access_token)
                path.unlink()
                path.mkdir()
                trakt.refresh()
                await until(lambda: "could not be written" in capsys.readouterr().err)
                path.rmdir()
                await until(lambda: current(path) == trakt.token().access_token)
                writing.cancel()

            asyncio.run(keep_written())


def current(path):
    text = path.read_text() if path.is_file() else ""  # it is empty for a moment after it was made
    return json.loads(text)["access_token"] if text else None


async def until(is_done):
    deadline = time.monotonic() + 60.0
    while not is_done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
