-- Extend leases and raise the latest expTime their holder may write.
-- KEYS: epoch, then per lane: lease, lane
-- ARGV: time-to-live (ms), venue time now (ms), then per lane: token
-- Returns {'epoch'} | per lane: exp_max now, or '' when the lease is somebody else's or gone.
if redis.call('HGET', KEYS[1], 'server') ~= identity() then return {'epoch'} end
local reply = {}
for i = 1, #ARGV - 2 do
  local lease, lane = KEYS[i * 2], KEYS[i * 2 + 1]
  if redis.call('GET', lease) == ARGV[i + 2] then
    redis.call('PEXPIRE', lease, ARGV[1])
    local found = tonumber(redis.call('HGET', lane, 'exp_max') or '0')
    local raised = string.format('%.0f', math.max(found, tonumber(ARGV[2]) + tonumber(ARGV[1])))
    redis.call('HSET', lane, 'exp_max', raised)
    reply[i] = raised
  else
    reply[i] = ''
  end
end
return reply
