-- Put before every other step: which server this is. A restart changes its run_id, a failover its replication id.
local function identity()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  return run .. ':' .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

