"""The reason of a 503 is in the log of the server that runs the application."""

from __future__ import annotations

import logging

import pytest

from traktauth.client.driver.unheard_log import OWN
from traktauth.errors import StoreFailed
from traktauth.web.requests import WebRequest
from traktauth.web.routes import outage_response

REASON = "GET /page could not be served: sqlite:/x failed: OSError (No space left on device)"


@pytest.fixture
def handle(monkeypatch, request):
    """Return a function that gives loggers a handler, which no other logger has, and returns what it was given.

    It is called in the test: pytest adds handlers of its own before that.
    """

    def call(*names):
        shown = []

        class Keep(logging.Handler):
            def emit(self, record):
                shown.append((record.name, record.levelname, record.getMessage()))

        level = logging.getLogger("uvicorn.error").level  # a server that an earlier test has started may have set it
        request.addfinalizer(lambda: logging.getLogger("uvicorn.error").setLevel(level))
        logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
        for name in (OWN, "gunicorn.error", "uvicorn", "hypercorn.error"):
            monkeypatch.setattr(logging.getLogger(name), "propagate", False)
            handlers = [Keep()] if name in names else [logging.NullHandler()]
            monkeypatch.setattr(logging.getLogger(name), "handlers", handlers)
        return shown

    return call


def answer():
    request = WebRequest("GET", "/page?code=canary", {}.get)
    assert outage_response(request, StoreFailed("sqlite:/x failed: OSError (No space left on device)")).status == 503


@pytest.mark.parametrize(
    ("name", "logger"), [("gunicorn.error", "gunicorn.error"), ("uvicorn", "uvicorn.error"), ("hypercorn.error",) * 2]
)
def test_the_reason_is_in_the_servers_log_if_the_application_has_none(handle, capsys, name, logger):
    shown = handle(name)
    answer()
    assert shown == [(logger, "WARNING", f"traktauth: {REASON}")]
    assert capsys.readouterr().err == ""


def test_the_reason_is_in_the_applications_log_alone_if_it_has_one(handle, capsys):
    shown = handle(OWN, "gunicorn.error")
    answer()
    assert shown == [(OWN, "WARNING", REASON)]
    assert capsys.readouterr().err == ""


def test_the_reason_is_on_stderr_if_nothing_else_shows_it(handle, capsys):
    handle()
    answer()
    assert capsys.readouterr().err == f"traktauth: {REASON}\n"
