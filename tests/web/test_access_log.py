"""Codes are hidden in access logs, whatever shape a server gives its records."""

from __future__ import annotations

import logging

import pytest

from traktauth import App
from traktauth.web import AsyncWebLogin, WebLogin
from traktauth.web.access_log import LOGGERS, HideCode, hide_codes
from traktauth.web.requests import WebRequest

PATH = "/trakt/callback?code=abc.DEF-1&state=xyz&iss=https://trakt.tv"


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ('%s - "%s %s HTTP/%s" %d', ("127.0.0.1", "GET", PATH, "1.1", 303)),  # uvicorn
        ("%(r)s %(s)s", ({"r": f"GET {PATH} HTTP/1.1", "s": 303},)),  # gunicorn
        (f'127.0.0.1 - - "GET {PATH} HTTP/1.1" 303 -', ()),
        ('{"path": "%(U)s", "query": "%(q)s", "status": %(s)s}', ({"U": "/", "q": PATH.partition("?")[2], "s": 303},)),
        ("%s %s", (PATH.partition("?")[2], 303)),
    ],
)
def test_a_code_is_hidden_and_the_rest_stays(message, arguments):
    record = logging.LogRecord("access", logging.INFO, "", 0, message, arguments, None)
    assert HideCode().filter(record) is True
    shown = record.getMessage()
    assert "code=***&state=***&iss=https://trakt.tv" in shown
    assert "303" in shown
    assert "abc" not in shown


def test_each_logger_gets_one_filter():
    hide_codes()
    hide_codes()
    for name in LOGGERS:
        assert [type(each) for each in logging.getLogger(name).filters].count(HideCode) == 1


@pytest.mark.parametrize("kind", [WebLogin, AsyncWebLogin])
@pytest.mark.parametrize(
    "name", ["uvicorn.access", "gunicorn.access", "gunicorn.error", "aiohttp.access", "tornado.access"]
)
def test_codes_are_hidden_without_a_module_for_a_framework(kind, name, caplog):
    logger = logging.getLogger(name)
    for each in [each for each in logger.filters if isinstance(each, HideCode)]:
        logger.removeFilter(each)  # of another test
    kind(App("client-id", client_secret="secret"), store="memory:")
    with caplog.at_level(logging.INFO, name):
        logger.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", PATH, "1.1", 303)
    assert "code=***&state=***" in caplog.text
    assert "abc.DEF" not in caplog.text


def test_a_requests_repr_shows_no_code():
    assert "abc" not in repr(WebRequest("GET", "/trakt/callback?code=abc&state=abc", {}.get))
