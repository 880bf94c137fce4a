-- Record that something may leave for every entry up to one, before it does. Never lowers.
-- KEYS: per lane: lease, lane; ARGV: entry milliseconds, entry sequence, then per lane: token
-- Returns per lane 1, or 0 when the lease is not the caller's: nothing may be sent for that lane.
local ms, seq = tonumber(ARGV[1]), tonumber(ARGV[2])
local reply = {}
for i = 1, #ARGV - 2 do
  local lease, lane = KEYS[i * 2 - 1], KEYS[i * 2]
  if redis.call('GET', lease) == ARGV[i + 2] then
    local found = redis.call('HGET', lane, 'begun') or '0-0'
    local found_ms, found_seq = string.match(found, '^(%d+)-(%d+)$')
    found_ms, found_seq = tonumber(found_ms), tonumber(found_seq)
    if ms > found_ms or (ms == found_ms and seq > found_seq) then
      redis.call('HSET', lane, 'begun', ARGV[1] .. '-' .. ARGV[2])
    end
    reply[i] = 1
  else
    reply[i] = 0
  end
end
return reply
