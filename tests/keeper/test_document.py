"""`docs/keeper.md`: its program runs, its commands are real, and it names every event, count and metric."""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest

from traktauth import Trakt
from traktauth.cli.commands import traktauth
from traktauth.keeper import Event, Keeper, KeeperConfig, RateLimit, Summary
from traktauth.keeper.circuit_breaker import CircuitBreaker
from traktauth.keeper.metrics import Metrics
from traktauth.models import App, find_service
from traktauth.models.changes import SaveToken
from traktauth.stores.open import open_store
from traktauth.testing import LocalTrakt

TEXT = (Path(__file__).parents[2] / "docs" / "keeper.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_its_program_refreshes_due_logins(tmp_path, monkeypatch, capsys):
    address = f"sqlite:{tmp_path}/fleet.db"
    (program,) = blocks("python")
    with LocalTrakt() as server:
        with closing(open_store(address)) as store, Trakt(server.app, service=server.url, store=store) as trakt:
            token = server.sign_in_at(trakt)
            due = replace(token, generation=2, expires_at=time.time() + 0.05 * token.expires_in)
            assert store.apply(trakt.config.key, SaveToken(due, after=1, at=time.time()))
        monkeypatch.setenv("TRAKTAUTH_CLIENT_ID", server.app.client_id)
        monkeypatch.setenv("TRAKTAUTH_CLIENT_SECRET", server.app.client_secret)
        monkeypatch.setenv("TRAKTAUTH_STORE", address)
        monkeypatch.setenv("TRAKTAUTH_SERVICE", server.url)
        names = {}
        exec(compile(program, "docs/keeper.md", "exec"), names)
        asyncio.run(names["step"]())
        assert capsys.readouterr().out == "1 refreshed, 1 tried\n"
        assert server.ledger["rotations"] == 1


def commands():
    found = [line for block in blocks("sh") for line in block.splitlines() if "traktauth keep" in line]
    found += re.findall(r"`(traktauth [^`…]+)`", TEXT)
    return [re.sub(r" >>.*", "", line[line.index("traktauth ") :]) for line in found]


@pytest.mark.parametrize("line", commands())
def test_its_commands_take_these_options(line):
    words = shlex.split(line)[1:]
    command, name = traktauth, "traktauth"
    with command.make_context(name, ["--help"], resilient_parsing=True) as context:
        while hasattr(command, "get_command") and words and command.get_command(context, words[0]):
            command = command.get_command(context, words.pop(0))
    parser = command.make_parser(context)
    parser.parse_args(words)


def test_it_names_every_event_count_and_metric():
    for kind in get_args(Event):
        assert f"`{kind.kind}`" in TEXT, kind.__name__
        for member in fields(kind):
            assert member.name == "login" or f"`{member.name}`" in TEXT, (kind.__name__, member.name)
    for name in Summary().to_json():
        assert f"`{name}`" in TEXT, name
    keeper = Keeper.__new__(Keeper)
    for family in Metrics(keeper).registry._names_to_collectors:
        if not family.endswith("_created"):
            assert family in TEXT, family


def test_its_figures_are_those_of_the_code():
    plan = KeeperConfig(App("c" * 64), find_service("trakt"))
    assert plan.rate_limit == RateLimit(20, 61.0)
    assert "`--pace 20/61`" in TEXT
    assert f"`--in-flight` ({plan.in_flight})" in TEXT
    assert f"within {plan.lease:.0f} s" in TEXT
    assert CircuitBreaker(32, time.monotonic).allowed == 1
    assert round(86400 / 61 * 20, -3) == 28_000
    assert 160_000 < 86400 / 61 * 20 * 0.88 * 7 < 180_000


def test_its_rules_ask_for_metrics_that_exist():
    asked = set(re.findall(r"traktauth_keeper_\w+", "".join(blocks("yaml"))))
    served = set(re.findall(r"`(traktauth_keeper_\w+)", TEXT))
    assert asked
    assert asked <= served
    kinds = set(re.findall(r'kind=~?"([\w|]+)"', TEXT))
    assert {each for kind in kinds for each in kind.split("|")} <= {kind.kind for kind in get_args(Event)}
