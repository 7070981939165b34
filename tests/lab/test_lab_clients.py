"""The series of runs in `soak/lab_clients.py`, with verdicts of the tests' own in place of the lab."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from support.engines import CHECKOUT


def report(verdict, **scenarios):
    names = [{"name": name.replace("_", "-"), "verdict": each} for name, each in scenarios.items()]
    return {"verdict": verdict, "scenarios": names}


LOSES = report("would lose a login: race", race="lost", lost_response="kept")
KEEPS = report("keeps its login", race="kept", lost_response="kept")


@pytest.fixture
def series(monkeypatch, tmp_path, capsys):
    """Run the program: `series(verdicts, *words)` returns its exit status and the last lines that it printed."""
    spec = importlib.util.spec_from_file_location("lab_clients", CHECKOUT / "soak" / "lab_clients.py")
    program = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lab_clients", program)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(program)
    monkeypatch.setattr(program, "node_version", list)

    def run(verdicts, *words):
        coming = iter(verdicts)
        monkeypatch.setattr(program, "judge", lambda _: next(coming))
        monkeypatch.setattr(sys, "argv", ["lab_clients.py", *words, "--state", str(tmp_path / "runs.json")])
        status = program.main()
        assert list(coming) == []
        return status, capsys.readouterr().out.splitlines()

    return run


def test_runs_that_differ_are_counted_and_fail(series):
    status, shown = series([LOSES, KEEPS, LOSES], "trakt.py", "--runs", "3")
    assert status == 1
    assert shown[-1] == "trakt.py: 'would lose a login: race' in 2 of 3 runs, 'keeps its login' in 1 of 3 runs"
    assert [line for line in shown if "| lost 2, kept 1 | kept |" in line]


def test_a_series_that_was_stopped_goes_on_where_it_was(series):
    assert series([], "trakt.py", "pytrakt", "--runs", "2", "--seconds", "0")[0] == 2
    assert series([LOSES, LOSES], "trakt.py", "pytrakt", "--runs", "1")[0] == 0
    status, shown = series([LOSES], "trakt.py", "--runs", "2")
    assert (status, shown[-1]) == (0, "trakt.py: 'would lose a login: race' in 2 of 2 runs")
