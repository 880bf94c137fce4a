-- Write what a lane decided, in one step; repeating it changes nothing.
-- KEYS: lease, lane, outcomes, epoch
-- ARGV: token, seq this commit writes, offset ('' = unchanged), number of fields set, number deleted,
--       then fields and values set, then fields deleted, then outcome payloads
-- Returns 'ok' | 'repeat' (already applied) | 'lost' (the lease is not the caller's) | 'gap' (lane state is older than the caller's memory).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
-- A server that came back with an older copy of itself may bring the lease back too; nothing is written before its epoch is.
if redis.call('HGET', KEYS[4], 'server') ~= identity() then return 'lost' end
local seq, found = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[2], 'seq') or '0')
if seq <= found then return 'repeat' end
if seq ~= found + 1 then return 'gap' end
local sets, dels = tonumber(ARGV[4]), tonumber(ARGV[5])
local at = 6
for i = 1, sets do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for i = 1, dels do
  redis.call('HDEL', KEYS[2], ARGV[at])
  at = at + 1
end
for i = at, #ARGV do
  redis.call('XADD', KEYS[3], '*', '__data__', ARGV[i])
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'offset', ARGV[3]) end
redis.call('HSET', KEYS[2], 'seq', ARGV[2])
return 'ok'
