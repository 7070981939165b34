"""Each entry finds itself, in any noise and at once; no secret comes back."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.command import Size, run
from traktauth import AppRejected, LoginRequired, UnexpectedReply
from traktauth.cli.command_hints import command_hint
from traktauth.cli.explain import MAX_INPUT
from traktauth.explain import explain, load_entries
from traktauth.explain.matcher import MAX_DISTANCE
from traktauth.server.http.limits import READS

ENTRIES = load_entries()
IDS = [entry.id for entry in ENTRIES]
ACCESS_LOG = '10.0.0.7 - - [27/Nov/2026:05:00:00] "GET /feed HTTP/1.1" 200 5120 id=9403420 took 14235 ms\n'
NOISE = ACCESS_LOG * 110


def test_there_are_enough_entries_each_with_everything():
    assert len(ENTRIES) >= 40
    for entry in ENTRIES:
        assert re.fullmatch(r"[a-z0-9-]+", entry.id)
        assert entry.era in ("current", "classic", "any")
        assert entry.source.startswith("https://"), entry.id
        assert all((entry.pattern, entry.cause, entry.fix, entry.sample)), entry.id
        assert all(part == part.lower().strip() for part in entry.pattern), entry.id


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_a_sample_finds_its_entry_first(entry):
    assert explain(entry.sample)[0].id == entry.id


def test_the_limit_of_reads_is_the_one_that_the_local_trakt_enforces():
    assert (READS.seconds, f"takes {READS.requests} reads in five minutes" in explain("429")[0].cause) == (300, True)


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_an_id_finds_its_entry_alone(entry):
    assert explain(f" {entry.id}\n") == [entry]


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_10_kb_of_noise_change_nothing(entry):
    assert len(NOISE) > 10_000
    expected = explain(entry.sample)
    assert explain(f"{NOISE}{entry.sample}\n{NOISE}") == expected
    assert explain(f"{NOISE.replace(chr(10), ' ')} {entry.sample.upper()} {NOISE.replace(chr(10), chr(9))}") == expected


@pytest.mark.parametrize(
    "error", [LoginRequired("fact", reason="revoked"), AppRejected("fact"), UnexpectedReply("fact", status=423)]
)
def test_the_hint_of_an_error_names_the_entry_that_is_found_first(error):
    hint = command_hint(error)
    expected = re.search(r"traktauth explain ([a-z-]+)", hint).group(1)
    assert expected == error.code
    printed = f"Error: {error.message}\n\x1b[36m→\x1b[39m {hint}".replace("traktauth explain", "traktauth\n  explain")
    for text in (printed, f"{NOISE}{printed}\n{NOISE}", f"HTTP 429 Too Many Requests from api.trakt.tv\n{printed}"):
        assert explain(text)[0].id == expected


def test_a_hint_that_names_an_unknown_entry_is_nothing_known():
    assert explain("traktauth explain who-knows") == explain("traktauth explain - < LOG") == []


def test_noise_alone_is_nothing_known():
    assert explain(NOISE) == []
    assert explain("") == []


def test_a_number_inside_another_is_not_found():
    assert explain("trakt 14235 9420 x426y vip") == []


def test_texts_that_are_far_apart_do_not_belong_together():
    near, far = " " + "word " * 20, " " + "word " * MAX_DISTANCE
    assert [entry.id for entry in explain(f"trakt{near}423")] == ["account-locked"]
    assert explain(f"trakt{far}423") == []


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mCODE\x1b[0m: \x1b[1;36minvalid_client\x1b[0m client_id\x1b[K is required",
        "\x1b]8;;https://trakt.tv\x1b\\invalid_client\x1b]8;;\x07 client_id is required\x1b[m",
    ],
)
def test_colours_and_links_of_a_terminal_do_not_matter(text):
    assert explain(text)[0].id == "app-unknown"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('HTTP 400 {\\"error\\":\\"invalid_grant\\"}', "grant-refused"),
        ("OAuthError: invalid_client: ", "client-refused"),
        ("requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://api.trakt.tv/x", "http-401"),
        ("ClientResponseError: 401, message='Unauthorized', url='https://api.trakt.tv/users/settings'", "http-401"),
        ("trakt.errors.TraktBadGateway: Trakt Unavailable - Bad Gateway", "pytrakt-unavailable"),
        ("trakt.errors.OAuthRefreshException: Unauthorized - OAuth token refresh failed", "pytrakt-refresh-failed"),
    ],
)
def test_lines_of_other_libraries_are_known(text, name):
    assert explain(text)[0].id == name


@given(st.text(), st.lists(st.sampled_from([part for entry in ENTRIES for part in entry.pattern])))
@settings(max_examples=50, deadline=None)
def test_any_text_is_answered(text, parts):
    found = explain(text.join(parts))
    assert len(found) == len(set(found))


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    ["\x1b[", "\x1b]", "\x1b[0;", "invalid_client", "403", "trakt", "4", " ", "a" * 50, "420 423 426 trakt vip "],
)
def test_the_time_grows_with_the_length_alone(part):
    def seconds(count):
        text = part * count
        began = time.process_time()
        explain(text)
        return time.process_time() - began

    count = 100_000 // len(part)
    shorter = min(seconds(count) for _ in range(3))
    assert min(seconds(4 * count) for _ in range(3)) < 12 * shorter + 0.05  # 16 times if it were quadratic


def traktauth(*words, stdin="", columns=None):
    """Run `traktauth explain`, at a terminal if it is told how wide that is."""
    size = None if columns is None else Size(columns=columns)
    return run(
        "explain",
        *words,
        env={"HOME": "/nonexistent"},
        folder=Path.cwd(),
        stdin=stdin,
        terminal=size,
        on_terminal="out",
    )


def test_the_command_says_cause_fix_and_page():
    done = traktauth("CODE:", "invalid_client", "client_id is required")
    assert done.status == 0, done.err
    first, second, third = done.out.splitlines()[:3]
    assert first.startswith("app-unknown: Trakt does not know the app.")
    assert "https://app.trakt.tv/settings/apps/api" in second
    assert third.strip() == "https://github.com/trakt/trakt-api/issues/902"


def test_the_command_reads_standard_input_and_prints_json():
    text = f"{NOISE}Authorization: Bearer hidden-access-token\nHTTP 429 Too Many Requests\n"
    done = traktauth("--json", "-", stdin=text)
    found = json.loads(done.out)
    assert [sorted(one) for one in found] == [["cause", "fix", "id", "page"]] * len(found)
    assert found[0]["id"] == "rate-limit"
    assert "hidden-access-token" not in done.out + done.err
    assert traktauth(stdin=text).status == 0


def test_the_end_of_a_log_is_read_however_long_it_is():
    done = traktauth("-", stdin="x" * (MAX_INPUT + 1) + "\ninvalid_client client_id is required\n")
    assert done.out.startswith("app-unknown: "), done.err


def test_an_unknown_text_is_not_printed_back():
    done = traktauth("refresh_token=hidden-refresh-token")
    assert (done.status, done.out) == (1, "")
    assert "hidden-refresh-token" not in done.err
    assert "No known error" in done.err
    unknown = traktauth("--json", "hidden")
    assert (unknown.status, unknown.out) == (1, "[]\n")


@pytest.mark.parametrize("start", ["--> ", "-- ", "- ", "--", "---", "-", "-x"])
def test_a_text_that_begins_with_hyphens_is_not_printed_back(start):
    """Lines of logs begin so; secrets would be in the message about an unknown option."""
    text = f"{start}POST /oauth/token refresh_token=hidden-token-0123456789"
    unknown = traktauth(text)
    assert (unknown.status, unknown.out) == (1, "")
    assert "hidden-token" not in unknown.err
    known = traktauth(f"{text} 400 invalid_client client_id is required", "--json")
    assert json.loads(known.out)[0]["id"] == "app-unknown"


def test_an_unknown_option_is_named_without_its_value():
    done = traktauth("--jsn=hidden", "invalid_client client_id is required")
    assert done.status == 2
    assert "Did you mean '--json'?" in done.err
    assert "hidden" not in done.err
    assert traktauth("--", "--json").status == 1  # it is text there


def test_binary_on_standard_input_is_bad_input_not_a_crash():
    done = traktauth("-", stdin=bytes(range(256)) * 100)
    assert done.status == 1
    assert "No known error" in done.err


def test_a_terminal_gets_lines_of_its_width():
    shown = re.sub(r"\x1b\[[0-9;]*m", "", traktauth("session not found", columns=60).out)
    assert max(map(len, shown.splitlines())) <= 60
    assert "traktauth lab -- CMD" in " ".join(shown.split())
