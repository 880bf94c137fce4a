-- Take a lane nobody holds.
-- KEYS: lease, lane, epoch, trades
-- ARGV: token, time-to-live (ms), venue time now (ms)
-- Returns {'ok', exp_max as found, exp_max now, since, begun as found, 1 if it was released clean} | {'held'}
--         | {'epoch'} when the server is not the one the record names.
-- A lane without `begun` has forgotten: anything in the stream by now may have been sent.
-- A lane released clean by its last holder has nothing on its way that its record does not tell of.
local server = identity()
local known = redis.call('HMGET', KEYS[3], 'server', 'since')
if known[1] ~= server then return {'epoch'} end
if not redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return {'held'} end
local found = redis.call('HMGET', KEYS[2], 'exp_max', 'begun', 'seq', 'clean')
local exp_max, begun = found[1] or '0', found[2]
local clean = found[4] == server .. '|' .. (found[3] or '0')
redis.call('HDEL', KEYS[2], 'clean')
if not begun then
  begun = '0-0'
  if redis.call('EXISTS', KEYS[4]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[4])
    for i = 1, #info, 2 do if info[i] == 'last-generated-id' then begun = info[i + 1] end end
  end
end
local raised = string.format('%.0f', math.max(tonumber(exp_max), tonumber(ARGV[3]) + tonumber(ARGV[2])))
redis.call('HSET', KEYS[2], 'exp_max', raised)
return {'ok', exp_max, raised, known[2], begun, clean and 1 or 0}
