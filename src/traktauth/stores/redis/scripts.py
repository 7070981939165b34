"""Commands as Redis takes them. A script runs alone, so each is one compare-and-swap.

All keys lie in one slot of a cluster, as the prefix is a hash tag. A login is a hash of its row's columns; beside it
lie a set of all logins, for each app a sorted set of them by due time, and a lease that expires by Redis's own clock.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from traktauth.models import LoginKey
from traktauth.stores.database.commands import (
    PROBE_CONTENT,
    AcquireLease,
    BlockBudget,
    ClaimDue,
    CountLogins,
    CountStates,
    DeleteRow,
    ListLogins,
    ListUpcoming,
    LoginCounts,
    LoginStates,
    ProbeWrite,
    ReadLease,
    ReadRow,
    ReleaseLease,
    SwapRow,
    TakeBudget,
)
from traktauth.stores.database.row import COLUMNS, Row
from traktauth.stores.redis.keys import RedisKeys

if TYPE_CHECKING:
    from traktauth.stores.database.commands import Command

SWAP = """
if (redis.call('HGET', KEYS[2], 'revision') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
redis.call('SADD', KEYS[1], ARGV[2])
if ARGV[3] == '' then redis.call('ZREM', KEYS[3], ARGV[2]) else redis.call('ZADD', KEYS[3], ARGV[3], ARGV[2]) end
return 1
"""
DELETE = """
if (redis.call('HGET', KEYS[2], 'revision') or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
return 1
"""
TAKE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""
# The keys of hashes and leases come from the members of the set of what is due.
CLAIM = """
local claimed, offset, page = {}, 0, 2 * ARGV[2] + 16
while #claimed < 2 * ARGV[2] do
  local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', offset, page)
  for _, member in ipairs(due) do
    if #claimed >= 2 * ARGV[2] then break end
    local row = redis.call('HMGET', ARGV[5] .. member, unpack(ARGV, 8))
    local open, ends = unpack(redis.call('HMGET', ARGV[5] .. member, 'pending_refresh', 'expires_at'))
    if (open == '' or (tonumber(ends) or 0) <= tonumber(ARGV[7]))
        and redis.call('SET', ARGV[6] .. member, ARGV[4], 'NX', 'PX', ARGV[3]) then
      table.insert(claimed, member)
      table.insert(claimed, row)
    end
  end
  if #due < page then break end
  offset = offset + page
end
return claimed
"""
SPEND = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'used', 'used_at', 'held_until')
local used, used_at, held_until = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
local wanted, limit, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if now - used_at > period then used = 0 end
local granted = 0
if now >= held_until then granted = math.max(0, math.min(wanted, limit - used)) end
if granted > 0 then
  used, used_at = used + granted, now
  redis.call('HSET', KEYS[1], 'used', used, 'used_at', used_at)
end
return {granted, used, tostring(held_until - now), tostring(used_at + period - now)}
"""
HOLD = """
local time = redis.call('TIME')
local until_then = time[1] + time[2] / 1000000 + ARGV[1]
local held_until = tonumber(redis.call('HGET', KEYS[1], 'held_until') or 0)
if until_then > held_until then redis.call('HSET', KEYS[1], 'held_until', until_then) end
return 1
"""
COUNT_LOGINS = """
local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {redis.call('ZCARD', KEYS[1]), redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1]), next[2] or ''}
"""
# The keys of the hashes come from the members of the set of all logins.
COUNT_STATES = """
local now, counts = tonumber(ARGV[2]), {0, 0, 0, 0}
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if string.sub(member, 1, #ARGV[3]) == ARGV[3] then
    local ends, refreshable, moved_to = unpack(
      redis.call('HMGET', ARGV[1] .. member, 'expires_at', 'refreshable', 'moved_to'))
    if (ends or '') ~= '' and (moved_to or '') == '' then
      local due = redis.call('ZSCORE', KEYS[2], member)
      local state = 1
      if refreshable ~= '1' then state = 4
      elseif tonumber(ends) <= now then state = 3
      elseif due and tonumber(due) <= now then state = 2 end
      counts[state] = counts[state] + 1
    end
  end
end
return counts
"""
UPCOMING = "return redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')"
_NUMBERS = {"revision": int, "format": int, "generation": int, "expires_at": float, "due_at": float}
_READERS = tuple(
    {b"0": False, b"1": True}.__getitem__ if name == "refreshable" else _NUMBERS.get(name, bytes.decode)
    for name in COLUMNS
)


class RedisCommands(RedisKeys):
    """What a store's commands are in Redis, on its keys."""

    def request(self, command: Command[Any]) -> tuple[Any, ...]:
        """Return the command as Redis takes it."""
        match command:
            case ReadRow(login):
                return "HMGET", self.login + member_of(login), *COLUMNS
            case SwapRow(login, seen, row):
                member = member_of(login)
                keys = (self.logins, self.login + member, self.due + _app(login.realm, login.client_id))
                return "EVAL", SWAP, 3, *keys, "" if seen is None else seen, member, _score(row), *_fields(row)
            case DeleteRow(login, seen):
                member = member_of(login)
                due = self.due + _app(login.realm, login.client_id)
                return "EVAL", DELETE, 3, self.logins, self.login + member, due, seen, member
            case AcquireLease(login, owner, seconds):
                return "EVAL", TAKE, 1, self.lease + member_of(login), owner, round(seconds * 1000)
            case ReadLease(login):
                return "GET", self.lease + member_of(login)
            case ReleaseLease(login, owner):
                return "EVAL", RELEASE, 1, self.lease + member_of(login), owner
            case ListLogins():
                return "SMEMBERS", self.logins
            case ProbeWrite():
                return "SET", self.trial, PROBE_CONTENT, "PX", 1000
            case _:
                return self._for_fleets(command)

    def _for_fleets(self, command: Command[Any]) -> tuple[Any, ...]:
        match command:
            case ClaimDue():
                return self._claim(command)
            case CountLogins(realm, client_id, now):
                return "EVAL", COUNT_LOGINS, 1, self.due + _app(realm, client_id), now
            case CountStates(realm, client_id, now):
                app = _app(realm, client_id)
                return "EVAL", COUNT_STATES, 2, self.logins, self.due + app, self.login, now, f"{app[:-1]}, "
            case ListUpcoming(realm, client_id, limit):
                return "EVAL", UPCOMING, 1, self.due + _app(realm, client_id), limit
            case TakeBudget(realm, wanted, limit, period):
                return "EVAL", SPEND, 1, self.budget + json.dumps(realm), wanted, limit, period
            case BlockBudget(realm, seconds):
                return "EVAL", HOLD, 1, self.budget + json.dumps(realm), seconds
            case _:
                raise AssertionError(f"no request does {type(command).__name__}")

    def _claim(self, command: ClaimDue) -> tuple[Any, ...]:
        due = self.due + _app(command.realm, command.client_id)
        terms = (command.before, command.limit, round(command.seconds * 1000), command.owner)
        return "EVAL", CLAIM, 1, due, *terms, self.login, self.lease, command.now, *COLUMNS


def to_result(command: Command[Any], reply: Any) -> Any:  # noqa: ANN401 - the command knows its result's type
    """Return a command's result from what Redis replied."""
    match command:
        case ReadRow():
            return _row(reply)
        case SwapRow() | AcquireLease() | DeleteRow():
            return reply == 1
        case ReadLease():
            return None if reply is None else reply.decode()
        case ListLogins():
            return [_login(member) for member in reply]
        case _:
            return _answer_for_fleets(command, reply)


def _answer_for_fleets(command: Command[Any], reply: Any) -> Any:  # noqa: ANN401 - see above
    match command:
        case ClaimDue():
            pairs = zip(reply[::2], reply[1::2], strict=True)
            return [(_login(member), row) for member, values in pairs if (row := _row(values)) is not None]
        case CountLogins():
            logins, due, next_due_at = reply
            return LoginCounts(logins, due, float(next_due_at) if next_due_at else None)
        case CountStates():
            return LoginStates(*reply)
        case ListUpcoming():
            return [(_login(member), float(at)) for member, at in zip(reply[::2], reply[1::2], strict=True)]
        case TakeBudget():
            granted, used, held, quiet = reply
            return command.outcome(granted, used, float(held), float(quiet))
        case _:
            return None


def member_of(login: LoginKey) -> str:
    """Return a login's name; JSON, so that no two are the same and none has to be escaped."""
    return json.dumps([login.realm, login.client_id, login.account])


def _app(realm: str, client_id: str) -> str:
    return json.dumps([realm, client_id])


def _login(member: bytes) -> LoginKey:
    return LoginKey(*json.loads(member))


def _score(row: Row) -> float | str:
    """Return when a keeper has to look: a pending refresh is nothing to it before the token has ended."""
    if row.due_at is None:
        return ""
    return max(row.due_at, row.expires_at or 0.0) if row.pending_refresh else row.due_at


def _fields(row: Row) -> list[str | float]:
    """Return all columns, so that the hash is written by one command; nothing stands as an empty text."""
    fields: list[str | float] = []
    for name in COLUMNS:
        value = getattr(row, name)
        fields += [name, "" if value is None else int(value) if isinstance(value, bool) else value]
    return fields


def _row(values: list[bytes | None]) -> Row | None:
    if not any(values):
        return None
    columns: list[Any]
    try:
        columns = [read(value) if value else None for read, value in zip(_READERS, values, strict=True)]
    except (ValueError, KeyError):  # a damaged one, which shows later
        columns = [_value(name, value) if value else None for name, value in zip(COLUMNS, values, strict=True)]
    return Row(*columns)


def _value(name: str, value: bytes) -> Any:  # noqa: ANN401 - what the column holds, or the text that stands there
    text = value.decode("utf-8", "replace")
    if name == "refreshable":
        return {"0": False, "1": True}.get(text, text)
    try:
        return _NUMBERS.get(name, str)(text)
    except ValueError:
        return text
