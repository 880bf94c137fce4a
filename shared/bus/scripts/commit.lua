-- Write what a lane decided, in one step; repeating it changes nothing.
-- KEYS: lease, lane, outcomes, epoch
-- ARGV: token, seq this commit writes, offset ('' = unchanged), and as MessagePack a list of three lists:
--       fields and values set, in turns; fields deleted; outcome payloads. One argument, because a client spends more on
--       three hundred of them than on everything they hold.
-- Returns 'ok' | 'repeat' (already applied) | 'lost' (the lease is not the caller's) | 'gap' (lane state is older than the caller's memory).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
-- A server that came back with an older copy of itself may bring the lease back too; nothing is written before its epoch is.
if redis.call('HGET', KEYS[4], 'server') ~= identity() then return 'lost' end
local seq, found = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[2], 'seq') or '0')
if seq <= found then return 'repeat' end
if seq ~= found + 1 then return 'gap' end
local sets, gone, outcomes = unpack(cmsgpack.unpack(ARGV[4]))
for i = 1, #sets, 2 do redis.call('HSET', KEYS[2], sets[i], sets[i + 1]) end
for i = 1, #gone do redis.call('HDEL', KEYS[2], gone[i]) end
for i = 1, #outcomes do redis.call('XADD', KEYS[3], '*', '__data__', outcomes[i]) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'offset', ARGV[3]) end
redis.call('HSET', KEYS[2], 'seq', ARGV[2])
return 'ok'
