"""Scripts, which Redis runs alone: each is one compare-and-swap.

All keys lie in one slot of a cluster, as the prefix is a hash tag. A login is a hash of its row's columns; beside it
lie a set of all logins, for each app a sorted set of them by due time, and a lease that expires by Redis's own clock.
"""

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
