"""What the library's log says while a command runs."""

from __future__ import annotations

import json
import logging
import re

import pytest

from traktauth.cli import log_output
from traktauth.cli.log_output import show_warnings
from traktauth.models import service

log = logging.getLogger("traktauth.somewhere")


def fails():
    try:
        service.find_service("a-s3cret:")
    except Exception as error:  # whatever it is
        log.error("A request to %s failed", "/x", exc_info=error)  # noqa: TRY400 - as the server does
        return type(error).__name__
    raise AssertionError


def test_a_warning_is_reported(capsys):
    with show_warnings(as_json=False):
        log.warning("the store is slow")
    assert capsys.readouterr().err == "! the store is slow\n"


def test_of_a_fault_its_kind_and_place_are_reported_and_nothing_that_it_holds(capsys):
    with show_warnings(as_json=False):
        kind = fails()
    expected = capsys.readouterr().err
    assert re.fullmatch(rf"! A request to /x failed: {kind} at models/\w+\.py:\d+\n", expected)
    assert "s3cret" not in expected


def test_a_program_hears_of_faults_and_of_no_warnings(capsys):
    with show_warnings(as_json=True):
        log.warning("the store is slow")
        kind = fails()
    expected = json.loads(capsys.readouterr().err)
    assert expected["level"] == "error"
    assert expected["message"].startswith(f"A request to /x failed: {kind}")


@pytest.mark.parametrize("as_json", [True, False])
def test_afterwards_nothing_is_reported(capsys, as_json):
    with show_warnings(as_json=as_json):
        pass
    log.error("late")
    assert capsys.readouterr().err == ""
    assert {type(each) for each in log_output.logging.getLogger("traktauth").handlers} <= {
        log_output.logging.NullHandler
    }
