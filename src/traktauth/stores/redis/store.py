"""The store on a Redis."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from traktauth.models import LoginKey
from traktauth.stores.database.row import COLUMNS, Row
from traktauth.stores.database.store import PROBE_CONTENT, DatabaseStore, granted_budget
from traktauth.stores.encryption import Cipher
from traktauth.stores.fleet import LoginCounts, LoginStates
from traktauth.stores.open import parse_store_url
from traktauth.stores.redis import driver, rows
from traktauth.stores.redis.driver import ERRORS, connect, exposure, failure, target
from traktauth.stores.redis.rows import Arguments, RedisKeys, app_of, fields_of, login_of, member_of, row_of, score_of

CONNECTIONS = 32  # by default, for each store object


class RedisStore(DatabaseStore):
    """A store on a Redis; safe between threads and after a fork.

    Args:
        url: as redis-py takes it, with our own settings `prefix` (what every key begins with) and `connections`.
        cipher: encrypts what is stored; None stores it in clear.

    Raises:
        ValueError: it is not the address of a Redis.
    """

    longest_pause = 0.05  # seconds between two looks at a lease

    def __init__(self, url: str, *, cipher: Cipher | None = None) -> None:
        parts = parse_store_url(url, "connections", "prefix")
        super().__init__(parts.address, cipher)
        prefix = parts.own.get("prefix", "traktauth")
        self._client: Any = connect(parts.url, parts.count("connections", CONNECTIONS))
        self._identity = ("redis", *target(self._client), prefix)
        self._exposure = exposure(self._client)
        self._keys = RedisKeys(prefix)
        self._ready = False

    @property
    def identity(self) -> Hashable:
        return self._identity

    def read_row(self, login: LoginKey) -> Row | None:
        return row_of(self._execute("HMGET", self._keys.login + member_of(login), *COLUMNS))

    def swap_row(self, login: LoginKey, seen: int | None, row: Row) -> bool:
        member = member_of(login)
        arguments = Arguments(("" if seen is None else seen, member, score_of(row), *fields_of(row)))
        return bool(self._run(rows.SWAP, self._row_keys(login), arguments) == 1)

    def delete_row(self, login: LoginKey, seen: int) -> bool:
        return bool(self._run(rows.DELETE, self._row_keys(login), (seen, member_of(login))) == 1)

    def list_keys(self) -> list[LoginKey]:
        return [login_of(member) for member in self._execute("SMEMBERS", self._keys.logins)]

    def probe_write(self) -> None:
        self._execute("SET", self._keys.trial, PROBE_CONTENT, "PX", 1000)

    def acquire_lease(self, login: LoginKey, owner: str, seconds: float) -> bool:
        lease = self._keys.lease + member_of(login)
        return bool(self._run(rows.TAKE, [lease], (owner, round(seconds * 1000))) == 1)

    def read_lease(self, login: LoginKey) -> str | None:
        owner: bytes | None = self._execute("GET", self._keys.lease + member_of(login))
        return None if owner is None else owner.decode()

    def release_lease(self, login: LoginKey, owner: str) -> None:
        self._run(rows.RELEASE, [self._keys.lease + member_of(login)], (owner,))

    def claim_due(
        self, realm: str, client_id: str, *, before: float, now: float, limit: int, seconds: float, owner: str
    ) -> list[tuple[LoginKey, Row]]:
        keys, lease = self._keys, round(seconds * 1000)
        due = keys.due + app_of(realm, client_id)
        terms = (before, limit, lease, owner, keys.login, keys.lease, now, *COLUMNS)
        reply = self._run(rows.CLAIM, [due], terms)
        pairs = zip(reply[::2], reply[1::2], strict=True)
        return [(login_of(member), row) for member, values in pairs if (row := row_of(values)) is not None]

    def count_logins(self, realm: str, client_id: str, *, now: float) -> LoginCounts:
        due = self._keys.due + app_of(realm, client_id)
        logins, are_due, next_due_at = self._run(rows.COUNT_LOGINS, [due], (now,))
        return LoginCounts(logins, are_due, float(next_due_at) if next_due_at else None)

    def count_states(self, realm: str, client_id: str, *, now: float) -> LoginStates:
        keys, app = self._keys, app_of(realm, client_id)
        members = f"{app[:-1]}, "
        terms = (keys.login, now, members)
        return LoginStates(*self._run(rows.COUNT_STATES, [keys.logins, keys.due + app], terms))

    def upcoming(self, realm: str, client_id: str, *, limit: int) -> list[tuple[LoginKey, float]]:
        reply = self._run(rows.UPCOMING, [self._keys.due + app_of(realm, client_id)], (limit,))
        return [(login_of(member), float(at)) for member, at in zip(reply[::2], reply[1::2], strict=True)]

    def take_budget(self, realm: str, *, wanted: int, limit: int, period: float) -> tuple[int, float]:
        budget = self._keys.budget + json.dumps(realm)
        granted, used, held, quiet = self._run(rows.SPEND, [budget], (wanted, limit, period))
        return granted_budget(granted=granted, is_spent=used >= limit, held=float(held), quiet=float(quiet))

    def block_budget(self, realm: str, seconds: float) -> None:
        self._run(rows.HOLD, [self._keys.budget + json.dumps(realm)], (seconds,))

    def durability_warnings(self) -> list[str]:
        try:
            return self._check() + self._exposure
        except ERRORS as error:
            failed = failure(self.place, error)
        raise failed

    def close(self) -> None:
        self._client.connection_pool.disconnect()

    def _row_keys(self, login: LoginKey) -> list[str]:
        keys = self._keys
        return [keys.logins, keys.login + member_of(login), keys.due + app_of(login.realm, login.client_id)]

    def _run(self, script: str, keys: list[str], arguments: tuple[object, ...]) -> Any:  # noqa: ANN401 - what it returns
        return self._send(Arguments(("EVAL", script, len(keys), *keys, *arguments)))

    def _execute(self, *command: object) -> Any:  # noqa: ANN401 - what Redis replies
        return self._send(Arguments(command))

    def _send(self, command: Arguments) -> Any:  # noqa: ANN401 - the same
        try:
            if not self._ready:
                self._check()
            return self._client.execute_command(*command)
        except ERRORS as error:
            failed = failure(self.place, error)
        raise failed

    def _check(self) -> list[str]:
        """Check whose keys are there, and return what may lose a login."""
        with self._client.pipeline(transaction=False) as pipe:
            for request in driver.questions(self._keys):
                pipe.execute_command(*request)
            answers: list[Any] = pipe.execute(raise_on_error=False)
        driver.check_schema(self.place, answers)
        found = driver.find_durability_warnings(answers)
        driver.warn_once(self.identity, self.place, found)
        self._ready = True
        return found
