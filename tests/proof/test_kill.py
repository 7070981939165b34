"""kill -9 and SIGSTOP of real processes at real better-auth."""

from __future__ import annotations

import random
import select
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from proof.kill_rounds import LIFE, KillRounds, summary
from proof.worker_processes import ask, hear, ready

pytestmark = pytest.mark.slow

ROUNDS = 5


@pytest.mark.parametrize("address", ["file"], indirect=True)
def test_a_kill_ends_a_login_only_if_a_response_was_lost(start_better_auth_with, address):
    """`soak/kill.py` does a hundred rounds."""
    engine = start_better_auth_with(ACCESS_TTL=f"{LIFE}")
    with closing(KillRounds(engine, address, random.Random(4))) as killing:
        for _ in range(ROUNDS):
            killing.round()
        assert killing.lost == []
        assert killing.tally["kills"] >= ROUNDS, summary(killing)


# ---------------------------------------------------------------- SIGSTOP
WEEK = 7 * 86400
LEASE = 4.0  # seconds; on a busy machine a holder may need some from the lock to its sending


def stopped(process):
    """Wait until the process has been stopped."""
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.01)


def go_on(process):
    process.send_signal(signal.SIGCONT)


def ask_until_sent(group, process, age):
    """Ask until a refresh is sent.

    On a busy machine, it may take longer than the short lease to come from the lock to the sending; then it sends
    nothing and says so.
    """
    ask(process, f"at {age}")
    while not group.proxy.exchanges:
        if select.select([process.stdout], [], [], 0.005)[0]:
            answer = hear(process)
            assert answer.get("generation", 1) == 1
            ask(process, f"at {age}")


def ask_until_renewed(process, age):
    """Ask until it has a newer token.

    On a busy machine, it may take longer than the short lease to come from the lock to the sending; then it sends
    nothing and says so.
    """
    until = time.monotonic() + 120
    while True:
        ask(process, f"at {age}")
        answer = hear(process)
        if answer.get("generation", 1) > 1:
            return answer
        assert answer.get("error", "TryLater") == "TryLater", answer
        assert time.monotonic() < until, answer
        time.sleep(0.1)


NEARLY_OVER = WEEK * 0.985  # in the mandatory window: everybody waits, and is served the old token where none is had
ADVISORY = WEEK * 0.95  # one renews, and no one waits
STORES = [
    ("sqlite", "blocking", NEARLY_OVER),
    ("redis", "async", NEARLY_OVER),
    ("postgres", "blocking", NEARLY_OVER),
    ("file", "async", ADVISORY),  # whose lock no one else gets while its holder lives
]
each_store = pytest.mark.parametrize(("address", "kind", "age"), STORES, indirect=["address"])


@each_store
def test_a_holder_stopped_for_longer_than_its_lease_saves_late(group, kind, age):
    holder, other = group.start(kind, lease=LEASE), group.start(kind, lease=LEASE)
    ready(holder, other)
    group.proxy.delay("/oauth/token", LEASE, grant="refresh_token")  # so that the holder is stopped in time
    ask_until_sent(group, holder, age)
    holder.send_signal(signal.SIGSTOP)
    stopped(holder)
    time.sleep(LEASE + 0.3)
    ask(other, f"at {age}")
    assert hear(other)["generation"] == 1
    go_on(holder)
    late = hear(holder)
    assert late["generation"] == 2
    assert group.engine.alive(late["access"])
    ask(other)
    assert hear(other)["access"] == late["access"]
    assert len(group.proxy.exchanges) == 1
    assert group.record().pending_refresh is None


@pytest.mark.parametrize(("address", "kind", "age"), STORES[:3], indirect=["address"])
def test_a_holder_stopped_between_the_right_and_the_sending_does_not_send(group, kind, age):
    holder, other = group.start(kind, lease=LEASE, stop="BeginRefresh"), group.start(kind, lease=LEASE)
    ready(holder, other)
    ask(holder, f"at {age}")
    stopped(holder)
    time.sleep(LEASE + 0.3)
    ask(other, f"at {age}")
    assert hear(other)["generation"] == 1  # the refresh is open, so the old one is served while it lives
    assert group.proxy.exchanges == []
    go_on(holder)
    assert hear(holder)["generation"] == 1
    assert group.proxy.exchanges == []
    assert group.record().pending_refresh is None  # it gave the right back
    fresh = group.start(kind)
    ready(fresh)
    ask(fresh, f"at {age}")
    assert hear(fresh)["generation"] == 2
    assert len(group.proxy.exchanges) == 1


@pytest.mark.parametrize("address", ["file"], indirect=True)
@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("age", [ADVISORY, WEEK + 1])
def test_a_stopped_holder_of_a_lock_that_does_not_expire_sends_when_it_goes_on(group, kind, age):
    holder, other = group.start(kind, lease=LEASE, stop="BeginRefresh"), group.start(kind, lease=LEASE)
    ready(holder, other)
    ask(holder, f"at {age}")
    stopped(holder)
    time.sleep(LEASE + 0.3)
    ask(other, f"at {age}")
    if age < WEEK:
        assert hear(other)["generation"] == 1  # the old token is served
    assert group.proxy.exchanges == []
    go_on(holder)
    renewed = hear(holder)
    assert renewed["generation"] == 2
    if age < WEEK:
        ask(other)
    assert hear(other)["access"] == renewed["access"]
    assert len(group.proxy.exchanges) == 1
    assert group.engine.alive(renewed["access"])
    assert group.record().pending_refresh is None


@pytest.mark.parametrize(("address", "kind"), [store[:2] for store in STORES[:3]], indirect=["address"])
def test_after_the_end_of_the_token_another_waits_for_a_holder_that_is_stopped_but_alive(group, kind):
    holder, other = group.start(kind, lease=LEASE, stop="BeginRefresh"), group.start(kind, lease=LEASE)
    ready(holder, other)
    ask(holder, f"at {WEEK + 1}")
    stopped(holder)
    time.sleep(LEASE + 0.3)
    ask(other, f"at {WEEK + 1}")
    assert hear(other)["error"] == "TryLater"  # the holder is known to be alive on this host
    go_on(holder)
    ended = hear(holder)
    renewed = ask_until_renewed(other, WEEK + 1)
    assert renewed["generation"] == 2, ended
    ask(holder)
    assert hear(holder)["access"] == renewed["access"], ended
    assert len(group.proxy.exchanges) == 1
    assert group.engine.alive(renewed["access"])
