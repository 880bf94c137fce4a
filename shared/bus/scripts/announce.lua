-- Publish one entry that belongs to no leader's position (a change of a subscription), once.
-- KEYS: trades, published; ARGV: id, score, payload
-- Returns the stream id, or false when the id is known.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return false end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return redis.call('XADD', KEYS[1], '*', '__data__', ARGV[3])
