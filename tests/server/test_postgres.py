"""What only a PostgreSQL has to hold: many writers, and values that it would not take."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import math
import time
from collections import Counter

import pytest

from traktauth.server.config.settings import Settings
from traktauth.server.context import make_policy
from traktauth.server.engines.profiles import PROFILES
from traktauth.server.errors import OAuthError
from traktauth.server.oauth.grants.refresh_token import rotate_by_scope
from traktauth.server.oauth.lookup import find_code
from traktauth.server.oauth.request import ClientRequest, TokenRequest
from traktauth.server.storage.models import Code
from traktauth.server.storage.postgres.storage import PostgresStorage
from traktauth.server.tokens import Lifetimes, generate_token, row_id
from traktauth.server.web.authorized_applications import disconnect

pytestmark = pytest.mark.slow
A_SECOND = Lifetimes(access=1, refresh=1, code=1, device=1, session=1)


@pytest.fixture
def heard():
    return []


@pytest.fixture
def storage(postgres_address, heard):
    with contextlib.closing(PostgresStorage(postgres_address, heard.extend)) as made:
        yield made


@pytest.fixture
def other(storage, postgres_address):
    """Another process's view of the same database."""
    with contextlib.closing(PostgresStorage(postgres_address, list)) as made:
        yield made


def remember(value):
    return lambda db: db.settings.set("key", value)


def setting(db):
    return db.settings.get("key")


def code(db):
    return db.codes._db.insert(
        """INSERT INTO codes (hash, client, user_id, session, redirect_uri, scope, challenge, method, nonce, expires,
                              spent)
           VALUES (?, 1, 1, 1, '', '', '', '', '', 0, 0)""",
        (b"",),
    )


def test_what_was_written_is_read_elsewhere_at_once(storage, other):
    async def both():
        await storage.write(remember("one"))
        return await other.read(setting)

    assert asyncio.run(both()) == "one"


def test_a_refusal_keeps_what_was_written_and_is_reported(storage, heard):
    def refuse(db):
        db.settings.set("key", "kept")
        db.events.append("replays")
        raise OAuthError(400, "invalid_grant", "no")

    async def both():
        with pytest.raises(OAuthError):
            await storage.write(refuse)
        return await storage.read(setting)

    assert asyncio.run(both()) == "kept"
    assert heard == ["replays"]


def test_a_failure_rolls_back_its_own_transaction_alone(storage, heard):
    def fail(db):
        db.settings.set("key", "lost")
        db.events.append("rotations")
        raise KeyError("a fault of ours")

    async def many():
        works = [fail if at % 7 == 3 else remember(str(at)) for at in range(20)]
        outcomes = await asyncio.gather(*map(storage.write, works), return_exceptions=True)
        return outcomes, await storage.read(setting)

    outcomes, kept = asyncio.run(many())
    assert [isinstance(outcome, KeyError) for outcome in outcomes] == [at % 7 == 3 for at in range(20)]
    assert kept != "lost"
    assert heard == []


@pytest.mark.parametrize("same_process", [True, False])
def test_a_swap_is_won_by_one(storage, other, same_process):
    async def race():
        row = await storage.write(code)
        places = [storage, storage if same_process else other]
        spent = [places[at % 2].write(lambda db: db.codes.spend(row)) for at in range(30)]
        return await asyncio.gather(*spent)

    assert sum(asyncio.run(race())) == 1


@pytest.mark.parametrize("same_process", [True, False])
def test_what_a_decision_depends_on_stays_until_it_is_done(storage, other, same_process):
    """Each spends the code only if it finds it unspent, without a word of that in the statement."""

    def spend(row):
        def work(db):
            found = db.codes.get(row)
            db.settings.get("schema")
            if found.spent:
                return False
            db.codes._db.execute("UPDATE codes SET spent = 1 WHERE id = ?", (row,))
            return True

        return work

    async def race():
        row = await storage.write(code)
        places = [storage, storage if same_process else other]
        return await asyncio.gather(*(places[at % 2].write(spend(row)) for at in range(12)))

    assert sum(asyncio.run(race())) == 1


def test_transactions_that_wait_for_each_other_are_run_again(storage):
    def both(first, second):
        def work(db):
            found = db.codes.get(first)
            time.sleep(0.2)  # until the other has locked its first row
            return found.id, db.codes.get(second).id

        return work

    async def crossed():
        one, two = await storage.write(code), await storage.write(code)
        return [(one, two), (two, one)] == await asyncio.gather(
            storage.write(both(one, two)), storage.write(both(two, one))
        )

    assert asyncio.run(crossed())


def test_a_family_is_made_once_and_a_name_is_assigned_once(storage, other):
    def sign_up(db):
        db.tokens.family(1, 1, refreshable=True)
        return db.users.create("sean", email="", password_hash=None, now=0) is not None

    async def race():
        made = await asyncio.gather(*(place.write(sign_up) for place in [storage, other] * 8))
        return sum(made), await storage.read(lambda db: db.tokens._db.fetchone("SELECT count(*) FROM families"))

    assert asyncio.run(race()) == (1, (1,))


def test_consents_granted_at_once_add_up(storage, other):
    async def race():
        words = [f"w{at}" for at in range(8)]
        values = [
            place.write(lambda db, word=word: db.clients.grant_consent(1, 1, scope=word, now=0))
            for word, place in zip(words, [storage, other] * 4, strict=True)
        ]
        await asyncio.gather(*values)
        return sorted((await storage.read(lambda db: db.clients.consent(1, 1))).scope.split()) == words

    assert asyncio.run(race())


def test_a_second_replay_spares_what_was_signed_in_after_the_first(storage):
    def work(db):
        db.tokens.family(1, 1, refreshable=True)
        return db.tokens.kill_family(1, 1, epoch=0), db.tokens.kill_family(1, 1, epoch=0)

    assert asyncio.run(storage.write(work)) == (True, False)


def exchanging(carried, slowness):
    """Exchange a code, with so many questions between its being found and its tokens."""

    def work(db):
        found = find_code(db, carried)
        if found is None or found.spent or not db.codes.spend(found.id):
            return None
        for _ in range(slowness):
            db.settings.get("schema")
        return row_id(db.tokens.issue(A_SECOND, now=0.0, client=1, user=1, scope="").access_token)

    return work


@pytest.mark.parametrize("same_process", [True, False])
@pytest.mark.parametrize("slowness", range(0, 10, 3))
def test_no_login_of_a_code_outlives_a_revocation_beside_it(storage, other, same_process, slowness):
    secret = generate_token()

    def authorize(db):
        db.clients.grant_consent(1, 1, scope="public", now=0.0)
        db.tokens.family(1, 1, refreshable=True)
        return db.codes.add(Code(0, secret.hash, 1, 1, 1, "", "", "", "", "", 1.0, spent=False, pair=None))

    async def race(delay):
        row = await storage.write(authorize)
        exchange = asyncio.ensure_future(storage.write(exchanging(secret.with_row_id(row), slowness)))
        await asyncio.sleep(delay)
        await (storage if same_process else other).write(lambda db: disconnect(db, 1, 1))
        made = await exchange
        found = await storage.read(lambda db: db.tokens.get(made)) if made else None
        return found is None or not found.in_family

    async def races():
        return [await race(at * 0.0005) for at in range(6)]

    assert all(asyncio.run(races()))


@pytest.mark.parametrize("slowness", range(0, 12, 3))
def test_no_narrowed_token_outlives_a_revocation_beside_it(storage, slowness):
    policy = make_policy(Settings(database="memory:"), PROFILES["current"], "")
    refresh = rotate_by_scope((400, "invalid_grant", "gone"))

    def sign_in(db):
        db.tokens.family(1, 1, refreshable=True)
        db.tokens.family(1, 1, refreshable=False)
        db.clients.grant_consent(1, 1, scope="public", now=0.0)
        return row_id(db.tokens.issue(A_SECOND, now=0.0, client=1, user=1, scope="public").access_token)

    def narrow(db, row):
        pair = db.tokens.get(row)
        for _ in range(slowness):
            db.settings.get("schema")
        request = TokenRequest(db, policy, 0.0, ClientRequest({}, "", ""))
        request.token_pair, request.scope = pair, "public"
        refresh(request)

    async def race():
        row = await storage.write(sign_in)
        both = (lambda db: narrow(db, row), lambda db: disconnect(db, 1, 1))
        await asyncio.gather(*map(storage.write, both), return_exceptions=True)
        return (await storage.read(lambda db: db.tokens.count_active(now=-1.0)))["access"]

    assert asyncio.run(race()) == 0


@pytest.mark.parametrize(
    "text", ["", "ü", "\0", "a\0b", "\ud800", "\U0010ffff", "\U0010ffff000041", "'; --", "x" * 9999]
)
def test_any_text_comes_back(storage, text):
    async def both():
        await storage.write(lambda db: db.settings.set("key", text))
        return await storage.read(setting)

    assert asyncio.run(both()) == text


def test_a_name_ends_where_it_ends(storage):
    async def both():
        await storage.write(lambda db: db.users.create("sean", email="", password_hash=None, now=0))
        return await storage.read(lambda db: db.users.by_username("sean\0x"))

    assert asyncio.run(both()) is None


@pytest.mark.parametrize("at", [0.1 + 0.2, 1795500000.123456789, math.pi * 1e9, 0.0, -1.5])
def test_a_time_loses_no_precision(storage, at):
    async def both():
        made = await storage.write(lambda db: db.users.create("sean", email="", password_hash=None, now=at))
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
