-- Note that the server is another one, or may have forgotten: void every lease, and say since when its memory may be trusted.
-- KEYS: epoch, then every lease; ARGV: venue time now (ms)
-- Returns {since, number}. A second caller for the same server changes nothing.
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local replication = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local known = redis.call('HMGET', KEYS[1], 'run_id', 'replid', 'since', 'number')
if known[1] == server and known[2] == replication then return {known[3], known[4]} end
local number = tostring(tonumber(known[4] or '0') + 1)
redis.call('HSET', KEYS[1], 'run_id', server, 'replid', replication, 'since', ARGV[1], 'number', number)
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
return {ARGV[1], number}
