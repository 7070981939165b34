"""`traktauth doctor` answers "why was I logged out?" from the trail that a store keeps with each login."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace

import pytest

from traktauth.models import Renewal

HERE = os.uname().nodename
HOUR = 3600.0


def renewed(command, *writers, began=None, apart=HOUR):
    """Let writers renew the login one after another, an hour apart, the last an hour ago; return the last pair."""
    at = time.time() - apart * (len(writers) + 1) if began is None else began
    token = command.keep(saved_at=at)
    for number, by in enumerate(writers, 1):
        at += apart
        assert command.store.begin(command.login(), Renewal(token.generation, 1, at, by))
        token = replace(token, access_token=f"access-after-{number}", generation=token.generation + 1)
        assert command.store.save(command.login(), token, after=token.generation - 1, at=at)
    return token


def examined(command, *words, **env):
    outcome = command("doctor", "--offline", "--json", *words, **env)
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)


def doubts(command, about, **env):
    found = examined(command, **env)["findings"]
    return [each["message"] for each in found if each["about"] == about and each["level"] == "doubtful"]


def login_lines(command, **env):
    lines = command("doctor", "--offline", **env).out.splitlines()
    return lines[next(number for number, line in enumerate(lines) if " login " in line) :]


def answer(command, **env):
    (one,) = examined(command, **env)["logins"]
    return one["answer"]


def test_the_story_of_a_lost_login_names_every_pair_and_who_renewed_it(command):
    token = renewed(command, f"{HERE}:11", f"{HERE}:12")
    command.store.mark(command.login(), 3, "Trakt refused its refresh token")
    login, mend, *story = login_lines(command)
    assert "Trakt refused its refresh token; the last pair" in login
    assert f"{token.fingerprint}, was renewed by {HERE}:12 at " in login
    assert "traktauth login" in mend
    first, second, third = story
    assert first.endswith("signed in")
    assert second.endswith(f"renewed by {HERE}:11")
    assert third.endswith(f"{token.fingerprint}  renewed by {HERE}:12, then Trakt refused its refresh token")


def test_a_program_reads_the_same(command):
    token = renewed(command, f"{HERE}:11")
    (one,) = examined(command)["logins"]
    assert (one["account"], one["state"], one["answer"]) == ("default", "good", "")
    assert [(trace["generation"], trace["by"], trace["ended"]) for trace in one["trail"]] == [
        (1, "", "renewed"),
        (2, f"{HERE}:11", None),
    ]
    assert one["trail"][1]["fingerprint"] == token.fingerprint


def test_a_login_that_is_well_shows_its_last_pairs_alone(command):
    renewed(command, *[f"{HERE}:11"] * 30)
    mark, before, *story = login_lines(command)
    assert mark.startswith("✓")
    assert before.strip() == "(17 before)"
    assert len(story) == 3


@pytest.mark.parametrize(
    ("happened", "env", "said"),
    [
        ("signed out", {}, "Somebody signed out here; the last pair, "),
        ("moved", {}, "It was moved to sqlite:/elsewhere"),
        ("refused", {}, "Trakt refused its refresh token; the last pair, "),
        ("lost", {"TRAKTAUTH_LOST_REPLY": "sign-in"}, "no answer came, and its token has ended since"),
        ("no refresh token", {}, "Trakt gave no refresh token with its last pair"),
        ("unconfirmed", {}, "renewal unconfirmed since "),
        ("unconfirmed", {"TRAKTAUTH_LOST_REPLY": "sign-in"}, "then a new sign-in"),
    ],
)
def test_the_question_has_an_answer(command, happened, env, said):
    ended = happened in {"refused", "lost", "no refresh token"}
    command.keep(
        left=-60 if ended else 86400,
        refresh_token=None if happened == "no refresh token" else "refresh-token-0123456789",
        why_not="Trakt refused its refresh token" if happened == "refused" else None,
        renewal=Renewal(1, 1, time.time() - 600, f"{HERE}:1") if happened in {"lost", "unconfirmed"} else None,
    )
    if happened == "signed out":
        command.store.forget(command.login(), 1)
    if happened == "moved":
        command.store.hand_over(command.login(), 1, "sqlite:/elsewhere")
    assert said in answer(command, **env)
    assert said in command("doctor", "--offline", **env).out


def test_a_renewal_that_is_under_way_is_no_reason_to_doubt(command):
    command.keep(renewal=Renewal(1, 1, time.time(), f"{HERE}:{os.getpid()}"))
    assert doubts(command, "login") == []


@pytest.mark.parametrize(
    ("writers", "said"),
    [
        ([f"{HERE}:1", f"{HERE}:2"], None),
        (["attic:1", "cellar:2", "attic:3"], "is renewed by several machines by turns (attic, cellar)"),
        ([f"{HERE}:1", "attic:1", f"{HERE}:1"], "is renewed by several machines by turns"),
        (["attic:1", "attic:2"], f"was last renewed by attic, and this is {HERE}: the store was copied"),
        (["attic:1", f"{HERE}:2"], "was renewed by attic before; if the store is still used there"),
    ],
)
def test_machines_that_share_a_file_or_a_copy_of_it_are_found(command, writers, said):
    renewed(command, *writers)
    found = doubts(command, "login")
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_an_open_renewal_names_a_writer_too(command):
    renewed(command, f"{HERE}:1")
    assert command.store.begin(command.login(), Renewal(2, 1, time.time() - 600, "attic:1"))
    assert any("was last renewed by attic" in each for each in doubts(command, "login"))


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, None),
        (119, None),
        (-119, None),
        (360, "was 5 min ahead of Trakt's when the token came, so it is taken to end that much too late"),
        (-360, "was 5 min behind Trakt's when the token came, so it is taken to end that much too early"),
    ],
)
def test_a_clock_that_differed_from_trakts_is_found_without_asking_trakt(command, ahead, said):
    token = renewed(command, f"{HERE}:1")
    token = replace(token, created_at=int(token.expires_at - token.expires_in) - ahead, generation=3)
    assert command.store.begin(command.login(), Renewal(2, 1, time.time(), f"{HERE}:1"))
    assert command.store.save(command.login(), token, after=2, at=time.time())
    found = doubts(command, "clock")
    assert len(found) == (said is not None)
    assert said is None or re.sub(r"5 min 59 s|6 min", "5 min", found[0]) == f"The clock of {HERE} {said}"


def test_a_reply_without_a_time_says_nothing_of_clocks(command):
    token = command.keep()
    command.store.forget(command.login(), 1)
    bare = replace(token, created_at=None, generation=2)
    assert command.store.save(command.login(), bare, after=1, at=time.time())
    assert doubts(command, "clock") == []


def test_a_pair_that_was_saved_before_its_predecessor_shows_a_clock_that_was_set_back(command):
    renewed(command, f"{HERE}:1", f"{HERE}:2", began=time.time() - 3 * HOUR, apart=-HOUR)
    assert doubts(command, "clock") == [
        "Generation 2 was saved 1 h before the one before it: a clock was set back, or those of two machines differ"
    ]


def test_a_whole_fleet_is_counted_and_its_unwell_logins_are_named(command):
    for number in range(30):
        command.keep(account=f"user {number:02}")
    command.keep(account="unwell", left=-1, why_not="Trakt refused its refresh token")
    found = [each for each in examined(command)["findings"] if each["about"] == "login"]
    named = [each["message"] for each in found]
    assert sum("user " in each for each in named) == 20
    assert named[-1].startswith("10 more are well")
    assert any(each.startswith("unwell at ") for each in named)


def test_the_history_holds_no_secret(command):
    token = renewed(command, f"{HERE}:1")
    command.store.mark(command.login(), 2, "Trakt refused its refresh token")
    shown = command("doctor", "--offline").out + command("doctor", "--offline", "--json").out
    for secret in (token.access_token, token.refresh_token, "access-token-0123456789"):
        assert secret not in shown
