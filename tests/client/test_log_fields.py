"""The fields of log records: what happened, why, and to which generation of a login."""

from __future__ import annotations

import logging

import pytest

from traktauth import LoginRequired, Trakt


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
