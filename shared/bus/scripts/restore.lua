-- Write a piece of a copy to a server that nobody has made an epoch for yet.
-- KEYS: epoch, the key; ARGV: 'hash', 'ids' or 'stream'; 1 to begin anew, else 0; then pairs: field and value, id and score, entry and payload
-- Returns 1, or 0 when this server is in force already: whoever was away that long must not write over what is true now.
if redis.call('HGET', KEYS[1], 'server') == identity() then return 0 end
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
for i = 3, #ARGV, 2 do
  if ARGV[1] == 'hash' then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  elseif ARGV[1] == 'ids' then
    redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
  else
    redis.call('XADD', KEYS[2], ARGV[i], '__data__', ARGV[i + 1])
  end
end
return 1
