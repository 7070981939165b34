"""Rows and logins as they are kept in Redis, the names of their keys, and the scripts that change them.

Redis runs a script alone: each is one compare-and-swap. All keys lie in one slot of a cluster, as the prefix is a hash
tag. A login is a hash of its row's columns; beside it lie a set of all logins, for each app a sorted set of them by due
time, and a lease that expires by Redis's own clock.
"""

from __future__ import annotations

import json
from typing import Any

from traktauth.models import LoginKey
from traktauth.models.record import FORMAT
from traktauth.stores.database.row import COLUMNS, Row

_NUMBERS = {"revision": int, "format": int, "generation": int, "expires_at": float, "due_at": float}
_READERS = tuple(
    {b"0": False, b"1": True}.__getitem__ if name == "refreshable" else _NUMBERS.get(name, bytes.decode)
    for name in COLUMNS
)
# Stands for a row with a field that cannot be parsed; reading its record raises.
_DAMAGED = Row(
    0, FORMAT, 0, None, None, refreshable=False, moved_to=None, pending_refresh=None, notifications="[]", payload=""
)


class RedisKeys:
    """The names of one store's keys, as a Redis has other tenants too; with Redis Cluster they are all in one slot.

    Args:
        prefix: what every key begins with.
    """

    def __init__(self, prefix: str) -> None:
        tag = f"{{{prefix}}}:"
        self.logins, self.trial, self.schema = f"{tag}logins", f"{tag}trial", f"{tag}schema"
        self.login, self.lease, self.due, self.budget = f"{tag}login:", f"{tag}lease:", f"{tag}due:", f"{tag}budget:"


class Arguments(tuple[object, ...]):
    """A command's arguments; they hold tokens, so they are not shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Arguments({len(self)})"


def member_of(login: LoginKey) -> str:
    """Return a login's name; JSON, so that no two are the same and none has to be escaped."""
    return json.dumps([login.realm, login.client_id, login.account])


def app_of(realm: str, client_id: str) -> str:
    """Return an app's name."""
    return json.dumps([realm, client_id])


def login_of(member: bytes) -> LoginKey:
    """Return the login of a name."""
    return LoginKey(*json.loads(member))


def score_of(row: Row) -> float | str:
    """Return when a keeper has to look: a pending refresh is nothing to it before the token has ended."""
    if row.due_at is None:
        return ""
    return max(row.due_at, row.expires_at or 0.0) if row.pending_refresh else row.due_at


def fields_of(row: Row) -> list[str | float]:
    """Return all columns, so that the hash is written by one command; nothing stands as an empty text."""
    fields: list[str | float] = []
    for name in COLUMNS:
        value = getattr(row, name)
        fields += [name, "" if value is None else int(value) if isinstance(value, bool) else value]
    return fields


def row_of(values: list[bytes | None]) -> Row | None:
    """Return the row of a hash; None if there is none."""
    if not any(values):
        return None
    try:
        columns: list[Any] = [read(value) if value else None for read, value in zip(_READERS, values, strict=True)]
    except (ValueError, KeyError):
        return _DAMAGED
    return Row(*columns)


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
