-- Show lanes' offsets as consumer groups, so that lag can be read with ordinary tools.
-- KEYS: trades; ARGV: per lane: group, offset
-- Entries behind the offset are counted up to 1,000; further behind, the lag is left for the server to estimate.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local info, added = redis.call('XINFO', 'STREAM', KEYS[1]), 0
for i = 1, #info, 2 do if info[i] == 'entries-added' then added = info[i + 1] end end
for i = 1, #ARGV, 2 do
  local behind = #redis.call('XRANGE', KEYS[1], '(' .. ARGV[i + 1], '+', 'COUNT', 1000)
  redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[i], '0')
  if behind < 1000 then
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[i], ARGV[i + 1], 'ENTRIESREAD', added - behind)
  else
    redis.call('XGROUP', 'SETID', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return added
