-- Note that the server is another one, or may have forgotten: void every lease, and say since when its memory may be trusted.
-- KEYS: epoch, then every lease; ARGV: venue time now (ms)
-- Returns {since, number}. A second caller for the same server changes nothing.
local server = identity()
local known = redis.call('HMGET', KEYS[1], 'server', 'since', 'number')
if known[1] == server then return {known[2], known[3]} end
local number = tostring(tonumber(known[3] or '0') + 1)
redis.call('HSET', KEYS[1], 'server', server, 'since', ARGV[1], 'number', number)
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
return {ARGV[1], number}
