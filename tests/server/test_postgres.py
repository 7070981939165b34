"""What only a PostgreSQL has to hold: many writers, and values that it would not take."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
from collections import Counter

import pytest

from traktauth.server.attempt import Attempt, Spoken
from traktauth.server.finding import code_of
from traktauth.server.grants.refresh import successor_by_scope
from traktauth.server.pages.connected import disconnect
from traktauth.server.profiles import PROFILES
from traktauth.server.realm import terms_of
from traktauth.server.refusals import Refusal
from traktauth.server.settings import Settings
from traktauth.server.storage.postgres import lane as lanes
from traktauth.server.storage.postgres.storage import Postgres
from traktauth.server.storage.records import Code
from traktauth.server.strings import fresh


@pytest.fixture
def heard():
    return []


@pytest.fixture
def storage(postgres_address, heard):
    with contextlib.closing(Postgres(postgres_address, heard.extend)) as made:
        yield made


@pytest.fixture
def other(storage, postgres_address):
    """Another process's view of the same database."""
    with contextlib.closing(Postgres(postgres_address, list)) as made:
        yield made


def remember(value):
    return lambda tables: tables.upkeep.remember("key", value)


def setting(tables):
    return tables.upkeep.setting("key")


def code(tables):
    return tables.codes._on.add(
        """INSERT INTO code (hash, app, person, session, redirect_uri, scope, challenge, method, nonce, expires, spent)
           VALUES (?, 1, 1, 1, '', '', '', '', '', 0, 0)""",
        (b"",),
    )


def test_what_was_written_is_read_elsewhere_at_once(storage, other):
    async def both():
        await storage.write(remember("one"))
        return await other.read(setting)

    assert asyncio.run(both()) == "one"


def test_a_refusal_keeps_what_was_written_and_is_told(storage, heard):
    def refuse(tables):
        tables.upkeep.remember("key", "kept")
        tables.events.append("replays")
        raise Refusal(400, "invalid_grant", "no")

    async def both():
        with pytest.raises(Refusal):
            await storage.write(refuse)
        return await storage.read(setting)

    assert asyncio.run(both()) == "kept"
    assert heard == ["replays"]


def test_one_failure_in_a_group_takes_nobody_along_and_tells_nothing(storage, heard):
    def fail(tables):
        tables.upkeep.remember("key", "lost")
        tables.events.append("rotations")
        raise KeyError("a fault of ours")

    async def many():
        works = [fail if at % 7 == 3 else remember(str(at)) for at in range(20)]
        outcomes = await asyncio.gather(*map(storage.write, works), return_exceptions=True)
        return outcomes, await storage.read(setting)

    outcomes, kept = asyncio.run(many())
    assert [isinstance(outcome, KeyError) for outcome in outcomes] == [at % 7 == 3 for at in range(20)]
    assert kept != "lost"
    assert heard == []


def test_a_group_is_one_transaction_and_costs_as_many_round_trips_as_its_longest_piece(storage, monkeypatch):
    rounds = []
    exchange = lanes.Lane._transaction.__globals__["in_step"]

    async def counted(line, works, connection, *, opening=()):
        send = line.exchange

        async def counting(batch):
            rounds.append(len(batch))
            return await send(batch)

        line.exchange = counting
        try:
            return await exchange(line, works, connection, opening=opening)
        finally:
            del line.exchange

    monkeypatch.setattr(lanes, "in_step", counted)

    def three(at):
        def work(tables):
            tables.upkeep.setting("schema")
            tables.upkeep.setting("schema")
            tables.people.added(f"user {at}", email="", password_hash=None, now=0)

        return work

    async def many():
        await asyncio.gather(*(storage.write(three(at)) for at in range(40)))

    asyncio.run(many())
    begin, asked_alike, asked_apart = 2, 1, 40
    assert rounds == [begin + asked_alike, asked_alike, asked_apart]


@pytest.mark.parametrize("same_process", [True, False])
def test_a_swap_is_won_by_one(storage, other, same_process):
    async def race():
        row = await storage.write(code)
        places = [storage, storage if same_process else other]
        spent = [places[at % 2].write(lambda tables: tables.codes.spend(row)) for at in range(30)]
        return await asyncio.gather(*spent)

    assert sum(asyncio.run(race())) == 1


@pytest.mark.parametrize("same_process", [True, False])
def test_what_a_decision_depends_on_stays_until_it_is_done(storage, other, same_process):
    """Each spends the code only if it finds it unspent, without a word of that in the statement."""

    def spend(row):
        def work(tables):
            found = tables.codes.numbered(row)
            tables.upkeep.setting("schema")
            if found.spent:
                return False
            tables.codes._on.run("UPDATE code SET spent = 1 WHERE id = ?", (row,))
            return True

        return work

    async def race():
        row = await storage.write(code)
        places = [storage, storage if same_process else other]
        return await asyncio.gather(*(places[at % 2].write(spend(row)) for at in range(12)))

    assert sum(asyncio.run(race())) == 1


def test_pieces_that_wait_for_each_other_are_done_one_by_one(storage):
    def both(first, second):
        def work(tables):
            return tables.codes.numbered(first).id, tables.codes.numbered(second).id

        return work

    async def crossed():
        one, two = await storage.write(code), await storage.write(code)
        return [(one, two), (two, one)] == await asyncio.gather(
            storage.write(both(one, two)), storage.write(both(two, one))
        )

    assert asyncio.run(crossed())


def test_a_family_is_made_once_and_a_name_is_given_once(storage, other):
    def sign_up(tables):
        tables.pairs.family(1, 1, renewable=True)
        return tables.people.added("sean", email="", password_hash=None, now=0) is not None

    async def race():
        made = await asyncio.gather(*(place.write(sign_up) for place in [storage, other] * 8))
        return sum(made), await storage.read(lambda tables: tables.pairs._on.one("SELECT count(*) FROM family"))

    assert asyncio.run(race()) == (1, (1,))


def test_consents_given_at_once_add_up(storage, other):
    async def race():
        words = [f"w{at}" for at in range(8)]
        given = [
            place.write(lambda tables, word=word: tables.apps.allow(1, 1, scope=word, now=0))
            for word, place in zip(words, [storage, other] * 4, strict=True)
        ]
        await asyncio.gather(*given)
        return sorted((await storage.read(lambda tables: tables.apps.consent(1, 1))).scope.split()) == words

    assert asyncio.run(race())


def test_a_second_replay_spares_what_was_signed_in_after_the_first(storage):
    def work(tables):
        tables.pairs.family(1, 1, renewable=True)
        return tables.pairs.kill_family(1, 1, epoch=0), tables.pairs.kill_family(1, 1, epoch=0)

    assert asyncio.run(storage.write(work)) == (True, False)


def exchanging(carried, slowness):
    """Exchange a code, with so many questions between its being found and its tokens."""

    def work(tables):
        found = code_of(tables, carried)
        if found is None or found.spent or not tables.codes.spend(found.id):
            return None
        for _ in range(slowness):
            tables.upkeep.setting("schema")
        family, epoch = tables.pairs.family(1, 1, renewable=True)
        return tables.pairs.add((family, epoch, 1, 1, 1, "", 0.0, b"", 1, 1.0, b"", 1.0, None))

    return work


@pytest.mark.parametrize("same_process", [True, False])
@pytest.mark.parametrize("slowness", range(0, 10, 3))
def test_no_login_of_a_code_outlives_a_revocation_beside_it(storage, other, same_process, slowness):
    secret = fresh()

    def authorize(tables):
        tables.apps.allow(1, 1, scope="public", now=0.0)
        tables.pairs.family(1, 1, renewable=True)
        return tables.codes.add(Code(0, secret.hash, 1, 1, 1, "", "", "", "", "", 1.0, spent=False, pair=None))

    async def race(delay):
        row = await storage.write(authorize)
        exchange = asyncio.ensure_future(storage.write(exchanging(secret.carried(row), slowness)))
        await asyncio.sleep(delay)
        await (storage if same_process else other).write(lambda tables: disconnect(tables, 1, 1))
        made = await exchange
        found = await storage.read(lambda tables: tables.pairs.numbered(made)) if made else None
        return found is None or not found.in_family

    async def races():
        return [await race(at * 0.0005) for at in range(6)]

    assert all(asyncio.run(races()))


@pytest.mark.parametrize("slowness", range(0, 12, 3))
def test_no_narrowed_token_outlives_a_revocation_beside_it(storage, slowness):
    terms = terms_of(Settings(database="memory:"), PROFILES["current"], "")
    renew = successor_by_scope((400, "invalid_grant", "gone"))

    def sign_in(tables):
        family, epoch = tables.pairs.family(1, 1, renewable=True)
        tables.pairs.family(1, 1, renewable=False)
        tables.apps.allow(1, 1, scope="public", now=0.0)
        return tables.pairs.add((family, epoch, 1, 1, 1, "public", 0.0, b"", 1, 1.0, b"", 1.0, None))

    def narrow(tables, row):
        pair = tables.pairs.numbered(row)
        for _ in range(slowness):
            tables.upkeep.setting("schema")
        renew(Attempt(Spoken({}, "", ""), tables, terms, 0.0, pair=pair, scope="public"))

    async def race():
        row = await storage.write(sign_in)
        both = (lambda tables: narrow(tables, row), lambda tables: disconnect(tables, 1, 1))
        await asyncio.gather(*map(storage.write, both), return_exceptions=True)
        return (await storage.read(lambda tables: tables.upkeep.alive(now=-1.0)))["access"]

    assert asyncio.run(race()) == 0


@pytest.mark.parametrize(
    "text", ["", "ü", "\0", "a\0b", "\ud800", "\U0010ffff", "\U0010ffff000041", "'; --", "x" * 9999]
)
def test_any_text_comes_back(storage, text):
    async def both():
        await storage.write(lambda tables: tables.upkeep.remember("key", text))
        return await storage.read(setting)

    assert asyncio.run(both()) == text


def test_a_name_ends_where_it_ends(storage):
    async def both():
        await storage.write(lambda tables: tables.people.added("sean", email="", password_hash=None, now=0))
        return await storage.read(lambda tables: tables.people.named("sean\0x"))

    assert asyncio.run(both()) is None


@pytest.mark.parametrize("at", [0.1 + 0.2, 1795500000.123456789, math.pi * 1e9, 0.0, -1.5])
def test_a_time_loses_no_precision(storage, at):
    async def both():
        made = await storage.write(lambda tables: tables.people.added("sean", email="", password_hash=None, now=at))
        return made.created

    assert asyncio.run(both()) == at


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("profile", ["current", "classic"])
def test_of_twenty_equal_exchanges_one_wins(start, profile):
    client = start(profile=profile)
    code = client.code()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: client.exchange(code), range(20)))
    assert Counter(reply.status for reply in replies) == Counter({200: 1, 400: 19} if profile == "classic" else
                                                                 {200: 1, 401: 19})  # fmt: skip
