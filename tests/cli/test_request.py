"""`traktauth request`: an API call, its body as it came, its status as an exit status."""

from __future__ import annotations

import json

import httpx2
import pytest

from traktauth.cli.common_options import CommonOptions
from traktauth.cli.request import Call, _report_status, read_fields, status_for
from traktauth.protocol import APPS_PAGE


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
        *[(code, 0) for code in (200, 299)],
        *[(code, 1) for code in (301, 400, 404, 423)],
        (401, 4),
        *[(code, 5) for code in (429, 500, 524)],
    ],
)
def test_each_http_status_has_its_exit_status(answer, status):
    assert status_for(answer) == status


@pytest.mark.parametrize(
    ("answer", "status", "hint"),
    [
        ({"status": 404, "body": "nothing"}, 1, "→ Look the path up in Trakt's API documentation"),
        ({"status": 429, "body": "nothing", "headers": {"Retry-After": "7"}}, 5, "→ Repeat it in 7 s"),
    ],
)
def test_a_refusal_is_reported_and_its_body_printed(answering, answer, status, hint):
    answering.answer("/users/settings", **answer)
    outcome = answering("request", "GET", "/users/settings")
    assert (outcome.status, outcome.out) == (status, "nothing")
    blank, first, second = outcome.err.splitlines()
    assert not blank, "after a body without a line end"
    assert first.startswith(f"Error: Trakt answered {answer['status']}")
    assert second == hint


LIMITS = {
    403: "The API does not know the client id: compare TRAKTAUTH_CLIENT_ID with the app's page. "
    f"Trakt deletes unused apps and those of accounts without VIP: {APPS_PAGE}",
    420: "The account has reached a limit of free accounts (lists, list items, collection, connected apps): "
    "remove some, or get Trakt VIP, which raises the limit",
    423: "The account is locked or deactivated: its user must contact Trakt's support",
    426: "Only accounts with Trakt VIP may do this: https://trakt.tv/vip",
}


@pytest.mark.parametrize("answer", LIMITS)
def test_each_limit_is_named_with_what_to_do(answer, capsys):
    _report_status(CommonOptions(None, None, None, json=False), httpx2.Response(answer), after_body=True)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"Error: Trakt answered {answer}")
    assert second == f"→ {LIMITS[answer]}"


def test_a_method_and_a_slash_may_be_left_out(answering):
    expected = answering("request", "GET", "/users/settings").out
    assert answering("request", "/users/settings").out == expected
    assert answering("request", "users/settings").out == expected
    assert answering("request", "sync/history", "--body", "{}").status == 0  # a POST


def test_a_whole_address_of_the_api_is_taken(answering):
    for address in ("/users/me?next=https://a.example/", "users/me?next=https://a.example/", "/users/me"):
        path = answering("request", address)
        whole = answering("request", f"{answering.env['TRAKTAUTH_SERVICE']}/{address.removeprefix('/')}")
        assert (path.status, whole) == (0, path)


def test_the_status_and_the_header_fields_are_shown_on_request(answering):
    outcome = answering("request", "-i", "/users/settings")
    head, _, body = outcome.out.partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK\n")
    assert "\ncontent-type: application/json" in head.lower()
    assert json.loads(body)["user"]["username"] == "sean"
    assert answering("request", "-i", "--silent", "/users/settings").out.endswith("\n\n")
    assert answering("request", "--silent", "/users/settings").out == ""


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/a", None, Call("GET", "/a?text=1&number=1&yes=true")),
        ("GET", "/a?b=c", None, Call("GET", "/a?b=c&text=1&number=1&yes=true")),
        ("DELETE", "/a", None, Call("DELETE", "/a?text=1&number=1&yes=true")),
        ("POST", "/a", None, Call("POST", "/a", {"text": "1", "number": 1, "yes": True})),
        ("POST", "/a", {"c": []}, Call("POST", "/a", {"c": [], "text": "1", "number": 1, "yes": True})),
    ],
)
def test_fields_go_into_the_query_or_the_body(method, path, body, expected):
    fields = read_fields(("text=1",), ("number=1", "yes=true"))
    assert Call.read(method, path, fields=fields, body=body, headers={}) == expected


def pages(count, total=None):
    return [
        {
            "path": "/sync/history",
            "method": "GET",
            "times": 1,
            "status": 200,
            "body": [{"id": 2 * page}, {"id": 2 * page + 1}],
            "headers": {"X-Pagination-Page": str(page + 1), "X-Pagination-Page-Count": str(total or count)},
        }
        for page in range(count)
    ]


def test_all_pages_of_a_list_are_printed_as_one(answering, local):
    local.control("PUT", "faults", pages(3))
    outcome = answering("request", "/sync/history?limit=2", "--paginate")
    assert (outcome.status, outcome.err) == (0, "")
    assert json.loads(outcome.out) == [{"id": number} for number in range(6)]


def test_an_endless_list_is_bounded_and_the_command_says_so(answering, local):
    local.control("PUT", "faults", pages(3, total=5000))
    outcome = answering("request", "sync/history", "--paginate", "--max-pages", "3")
    assert outcome.status == 1
    assert len(json.loads(outcome.out)) == 6
    assert outcome.err == ("Error: Stopped after 3 pages; 4997 more were not read\n→ Read them too: --max-pages 5000\n")


def test_a_page_that_is_refused_ends_the_list_with_that(answering, local):
    local.control("PUT", "faults", [*pages(1, total=3), {"path": "/sync/history", "method": "GET", "status": 503}])
    assert answering("request", "sync/history", "--paginate").status == 5


def test_what_is_not_in_pages_is_printed_as_it_is(answering):
    assert json.loads(answering("request", "/users/settings", "--paginate").out)["user"]["username"] == "sean"


def test_jq_selects_what_is_printed(answering):
    assert answering("request", "/users/settings", "-q", ".user.username").out == "sean\n"
    assert answering("request", "/users/settings", "-q", ".user | {username}").out == '{"username": "sean"}\n'
    outcome = answering("request", "/users/settings", "-q", ".user |")
    assert outcome.status == 2
    assert "-q .user |" in outcome.err


def test_a_refusal_is_one_json_line_with_json(answering):
    answering.answer("/users/settings", status=404, body="nothing")
    outcome = answering("request", "GET", "/users/settings", "--json")
    document = json.loads(outcome.err)
    assert (outcome.out, document["error"], document["status"]) == ("nothing", "HttpStatus", 404)
