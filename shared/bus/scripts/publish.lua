-- Publish one leader's entries, once each, in one step.
-- KEYS: trades, leader, published, epoch
-- ARGV: identity of the server the publisher read its version from, that version, last fill time, forget-before time,
--       number of entries, then per entry: id, fill time, payload; then per position: instrument, contracts
-- Returns {'ok', version, stream ids...} | {'stale'} when somebody published since, or an id is known | {'epoch'} when the server is another one.
local trades, leader, published, epoch = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local server = identity()
if redis.call('HGET', epoch, 'server') ~= server then return {'epoch'} end
-- A version counts anew on a server that has forgotten: what was computed on another server's is stale, however the numbers compare.
if ARGV[1] ~= server then return {'stale'} end
table.remove(ARGV, 1)
local version = tonumber(redis.call('HGET', leader, 'version') or '0')
if version ~= tonumber(ARGV[1]) then return {'stale'} end
local count = tonumber(ARGV[4])
local at = 5
for i = 1, count do
  if redis.call('ZSCORE', published, ARGV[at + (i - 1) * 3]) then return {'stale'} end
end
local reply = {'ok', tostring(version + 1)}
for i = 1, count do
  local base = at + (i - 1) * 3
  redis.call('ZADD', published, ARGV[base + 1], ARGV[base])
  reply[#reply + 1] = redis.call('XADD', trades, '*', '__data__', ARGV[base + 2])
end
for i = at + count * 3, #ARGV, 2 do
  redis.call('HSET', leader, 'position:' .. ARGV[i], ARGV[i + 1])
end
-- The first publication on a server that has forgotten is complete, so any publication confirms the leader there.
redis.call('HSET', leader, 'version', version + 1, 'server', server)
if tonumber(ARGV[2]) > tonumber(redis.call('HGET', leader, 'last_ms') or '0') then redis.call('HSET', leader, 'last_ms', ARGV[2]) end
local floor = tonumber(redis.call('HGET', leader, 'floor_ms') or '0')
if redis.call('ZREMRANGEBYSCORE', published, '-inf', ARGV[3]) > 0 and tonumber(ARGV[3]) > floor then
  redis.call('HSET', leader, 'floor_ms', ARGV[3])
end
return reply
