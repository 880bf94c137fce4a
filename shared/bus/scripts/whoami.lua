-- Say which server this is and what time it is there.
-- KEYS: epoch
-- Returns {identity, identity the epoch record names or '', milliseconds}.
local time = redis.call('TIME')
return {identity(), redis.call('HGET', KEYS[1], 'server') or '', time[1] * 1000 + math.floor(time[2] / 1000)}
