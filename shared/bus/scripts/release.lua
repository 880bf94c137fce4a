-- Give a lane back.
-- KEYS: lease, lane; ARGV: token, number of the last commit if nothing may have been sent that it does not tell of, else ''
-- Returns 1, or 0 when it was not ours any more.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
-- The mark names the server: an older copy of it may come back with a mark that was true before somebody else sent.
if ARGV[2] ~= '' then redis.call('HSET', KEYS[2], 'clean', identity() .. '|' .. ARGV[2]) end
return redis.call('DEL', KEYS[1])
