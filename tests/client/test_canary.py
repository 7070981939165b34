"""No token, secret, code or body in a message, a hint, a repr, a traceback or a log, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback

import pytest

from traktauth import App, TraktAuthError

CODE = "code-canary"  # not written where a traceback would show the line
SECRET = "secret-canary\n"
BODY = {"access_token": 7, "refresh_token": "body-canary", "error_description": "description-canary"}
ANSWERS = [
    (200, {}, b"<html>body-canary</html>"),
    (200, {}, b""),
    (200, {}, BODY),
    (400, {}, {"error": "invalid_grant", **BODY}),
    (400, {}, {"error": "invalid_request", **BODY}),
    (401, {}, {"error": "invalid_client", **BODY}),
    (403, {}, b"<html>body-canary</html>"),
    (404, {}, BODY),
    (429, {"retry-after": "5"}, b"body-canary"),
    (500, {}, b""),
    (502, {}, b"body-canary"),
    (521, {}, b"body-canary"),
]


def shown(error):
    """Everything that a person or a program's log would see of an error and its causes."""
    texts = ["".join(traceback.format_exception(error))]
    while error is not None:
        texts += [str(error), repr(error), getattr(error, "hint", "")]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def check(work, caplog):
    with caplog.at_level(logging.DEBUG, logger="traktauth"):
        try:
            work()
        except TraktAuthError as error:
            text = shown(error)
        else:
            text = ""
    assert "-canary" not in text
    assert "-canary" not in "\n".join(record.getMessage() for record in caplog.records if record.name == "traktauth")


LEFT = [(answer, -1) for answer in ANSWERS] + [
    (ANSWERS[number], left) for number in (0, 3, 6, 9) for left in (10, 3000)
]


@pytest.mark.parametrize(
    ("answer", "left"), LEFT, ids=lambda value: value if isinstance(value, int) else f"{value[0]}-{len(value[2])}"
)
def test_a_failed_refresh_shows_no_secret(trakt, trakt_server, sign_in, caplog, answer, left):
    sign_in(life=4000, left=left)
    trakt_server.answers.append(answer)
    check(trakt.refresh if left == 3000 else trakt.token, caplog)
    assert len(trakt_server.refreshes) == 1


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer[0]}-{len(answer[2])}")
def test_a_failed_sign_in_shows_no_secret(trakt, trakt_server, caplog, answer):
    trakt_server.answers.append(answer)
    check(lambda: trakt.login("paste", prompt=lambda _: CODE), caplog)


def test_a_sign_in_a_refresh_and_a_sign_out_show_no_secret(trakt, caplog):
    def whole():
        trakt.login("paste", prompt=lambda _: "good-code")
        trakt.refresh()
        trakt.request("GET", "/users/settings")
        trakt.logout()

    check(whole, caplog)
    assert [record.levelname for record in caplog.records if record.name == "traktauth"] == ["INFO"] * 4


def test_a_cut_connection_shows_no_secret(trakt, trakt_server, sign_in, caplog):
    sign_in(left=-1)
    trakt_server.after.append(lambda: True)
    check(trakt.token, caplog)
    assert "stays pending" in caplog.text


def test_reprs_show_no_secret(app, sign_in, trakt):
    token = sign_in()
    record = trakt.store
    assert "-canary" not in f"{app!r}{token!r}{record!r}{trakt.config.context!r}{trakt.config!r}"
    with pytest.raises(ValueError, match="unprintable") as caught:
        App("x", client_secret=SECRET)
    assert "-canary" not in shown(caught.value)
