-- Show a worker's sign of life, by the server's own clock: hosts may disagree about the time.
-- KEYS: workers; ARGV: worker, milliseconds for which a sign counts
-- Returns how many workers showed one within that time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 10 * ARGV[2])
return redis.call('ZCOUNT', KEYS[1], now - ARGV[2], '+inf')
