-- Write what a lane decided, in one step; repeating it changes nothing.
-- KEYS: lease, lane, outcomes, epoch
-- ARGV: token, seq this commit writes, offset ('' = unchanged); as MessagePack a list of two lists: fields set, fields
--       deleted; the values set, as lines of JSON in the order of their fields; outcome payloads, as lines of JSON. Few
--       arguments, because a client spends more on three hundred of them than on everything they hold; and lines, because
--       it spells three hundred of those in one call. JSON has no line break within a value.
-- Returns 'ok' | 'repeat' (already applied) | 'lost' (the lease is not the caller's) | 'gap' (lane state is older than the caller's memory).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
-- A server that came back with an older copy of itself may bring the lease back too; nothing is written before its epoch is.
if redis.call('HGET', KEYS[4], 'server') ~= identity() then return 'lost' end
local seq, found = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[2], 'seq') or '0')
if seq <= found then return 'repeat' end
if seq ~= found + 1 then return 'gap' end
local function lines(text)
  local number, from = 0, 1
  return function()
    local to = string.find(text, '\n', from, true)
    if not to then return nil end
    local line = string.sub(text, from, to - 1)
    number, from = number + 1, to + 1
    return number, line
  end
end
local fields, gone = unpack(cmsgpack.unpack(ARGV[4]))
for number, value in lines(ARGV[5]) do redis.call('HSET', KEYS[2], fields[number], value) end
for i = 1, #gone do redis.call('HDEL', KEYS[2], gone[i]) end
for _, outcome in lines(ARGV[6]) do redis.call('XADD', KEYS[3], '*', '__data__', outcome) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'offset', ARGV[3]) end
redis.call('HSET', KEYS[2], 'seq', ARGV[2])
return 'ok'
