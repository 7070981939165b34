"""Token pairs and their families."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.storage.records import Pair

if TYPE_CHECKING:
    from traktauth.server.storage.base import Connection

# A pair as it was before it had a number, a family's state and a user.
NEW = """INSERT INTO pair (family, epoch, app, person, session, scope, created, access_hash, access_life,
                           access_expires, refresh_hash, refresh_expires, parent)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
FIND = """SELECT pair.*, family.epoch, person.id FROM pair JOIN family ON family.id = pair.family
          LEFT JOIN person ON person.id = pair.person WHERE pair.id = ?"""


class Pairs:
    """Token pairs; a family is all pairs of one app and person that can be renewed, or all that cannot."""

    __slots__ = ("_on",)

    def __init__(self, on: Connection) -> None:
        self._on = on

    def numbered(self, number: int) -> Pair | None:
        """Give the pair in this row."""
        row = self._on.held(FIND, (number,), table="pair")
        return None if row is None else Pair(*row)

    def add(self, values: tuple[object, ...]) -> int:
        """Keep a fresh pair (the columns of `NEW`); give its row's number."""
        return self._on.add(NEW, values)

    def family(self, app: int, person: int, *, renewable: bool) -> tuple[int, int]:
        """Give a family's number and epoch, made if there was none."""
        key = (app, person, int(renewable))
        find = "SELECT id, epoch FROM family WHERE app = ? AND person = ? AND renewable = ?"
        row = self._on.one(find, key)
        if row is None:
            insert = "INSERT INTO family (app, person, renewable, epoch) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING"
            self._on.run(insert, key)
            row = self._on.one(find, key)
        return row  # type: ignore[return-value] # it was made a line above, if not by somebody else

    def kill_family(self, app: int, person: int, *, epoch: int | None = None) -> bool:
        """End every pair of this app and person that can be renewed; whether there was a family.

        With *epoch* only those that were signed in before it ended: of two replays at once the second must not kill
        what was signed in after the first. Pairs without a refresh token live on, as in the engine measured.
        """
        statement = "UPDATE family SET epoch = epoch + 1 WHERE app = ? AND person = ? AND renewable = 1"
        if epoch is None:
            return self._on.run(statement, (app, person)) > 0
        return self._on.run(f"{statement} AND epoch = ?", (app, person, epoch)) > 0

    def end_all(self, app: int, person: int) -> None:
        """End every pair of this app and person, renewable or not."""
        self._on.run("UPDATE family SET epoch = epoch + 1 WHERE app = ? AND person = ?", (app, person))

    def end_app(self, app: int) -> None:
        """End every pair of this app."""
        self._on.run("UPDATE family SET epoch = epoch + 1 WHERE app = ?", (app,))

    def end_refresh(self, number: int, why: str) -> bool:
        """End a refresh token; whether it was this call that did (a compare-and-swap)."""
        statement = "UPDATE pair SET refresh_ended = ? WHERE id = ? AND refresh_ended IS NULL"
        return self._on.run(statement, (why, number)) == 1

    def end_access(self, number: int, why: str) -> bool:
        """End an access token; whether it was this call that did."""
        statement = "UPDATE pair SET access_ended = ? WHERE id = ? AND access_ended IS NULL"
        return self._on.run(statement, (why, number)) == 1

    def keep(self, number: int, sealed: bytes, *, until: float) -> None:
        """Keep the sealed answer to the refresh of this pair."""
        self._on.run("UPDATE pair SET kept = ?, kept_until = ? WHERE id = ?", (sealed, until, number))

    def drop_kept(self, *, now: float) -> None:
        """Drop the sealed answers whose time is over."""
        self._on.run("UPDATE pair SET kept = NULL, kept_until = NULL WHERE kept_until <= ?", (now,))

    def forget_parent(self, number: int) -> None:
        """Note that a pair's access token has been used for the first time."""
        self._on.run("UPDATE pair SET parent = NULL WHERE id = ?", (number,))

    def expire(self, number: int, *, now: float, access: bool = False, refresh: bool = False) -> None:
        """Let one half of a pair expire now."""
        if access:
            self._on.run("UPDATE pair SET access_expires = ? WHERE id = ?", (now, number))
        if refresh:
            self._on.run("UPDATE pair SET refresh_expires = ? WHERE id = ?", (now, number))
