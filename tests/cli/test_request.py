"""`traktauth request`: an API call, its body as it came, its status as an exit status."""

from __future__ import annotations

import json

import pytest

from traktauth.cli.request import status_for


@pytest.fixture
def answering(at_local, local):
    """`traktauth` signed in at a local Trakt whose next answer on a path can be replaced."""
    at_local.keep_real(local)

    def answer(path, **fault):
        local.control("PUT", "faults", [{"path": path, "times": 2, **fault}])

    at_local.answer = answer
    yield at_local
    local.control("DELETE", "faults")


def test_the_body_goes_to_stdout_as_it_came(answering):
    outcome = answering("request", "GET", "/users/settings")
    assert (outcome.status, outcome.err) == (0, "")
    assert json.loads(outcome.out)["user"]["username"] == "sean"
    assert answering("request", "get", "/users/settings?extended=full").out == outcome.out


@pytest.mark.parametrize("source", ["argument", "file", "stdin"])
def test_a_body_is_sent_from_wherever_it_stands(answering, source):
    body, stdin = '{"movies": []}', None
    if source == "file":
        (answering.folder / "body.json").write_text(body)
        body = "@body.json"
    elif source == "stdin":
        body, stdin = "-", body
    outcome = answering("request", "POST", "/sync/history", "--body", body, stdin=stdin)
    assert outcome.status == 0, outcome.err


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        *[(code, 0) for code in (200, 201, 204, 299)],
        *[(code, 1) for code in (301, 304, 400, 403, 404, 409, 412, 420, 422, 423, 426)],
        (401, 4),
        *[(code, 5) for code in (429, 500, 502, 503, 504, 520, 524)],
    ],
)
def test_each_http_status_has_its_exit_status(answer, status):
    assert status_for(answer) == status


@pytest.mark.parametrize(
    ("answer", "status", "hint"),
    [
        ({"status": 404, "body": "nothing"}, 1, "→ Look the path up in Trakt's API documentation"),
        ({"status": 426, "body": "nothing"}, 1, "→ This needs Trakt VIP"),
        ({"status": 429, "body": "nothing", "headers": {"Retry-After": "7"}}, 5, "→ Repeat it in 7 s"),
        ({"status": 503, "body": "nothing"}, 5, "→ Repeat it in 30 s"),
    ],
)
def test_a_refusal_is_said_and_its_body_printed(answering, answer, status, hint):
    answering.answer("/users/settings", **answer)
    outcome = answering("request", "GET", "/users/settings")
    assert (outcome.status, outcome.out) == (status, "nothing")
    first, second = outcome.err.splitlines()
    assert first.startswith(f"Error: Trakt answered {answer['status']}")
    assert second == hint


def test_a_refusal_is_one_json_line_with_json(answering):
    answering.answer("/users/settings", status=404, body="nothing")
    outcome = answering("request", "GET", "/users/settings", "--json")
    document = json.loads(outcome.err)
    assert (outcome.out, document["error"], document["status"]) == ("nothing", "HttpStatus", 404)


def test_a_401_renews_once_and_asks_again(answering, local):
    old = answering.record().token
    local.expire("access", old.access_token)
    assert answering("request", "GET", "/users/settings").status == 0
    assert answering.record().generation == old.generation + 1


def test_a_redirect_is_not_followed(answering):
    answering.answer("/users/settings", status=302, body="", headers={"Location": "http://127.0.0.1:9/"})
    assert answering("request", "GET", "/users/settings").status == 1
