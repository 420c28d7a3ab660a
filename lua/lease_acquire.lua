#!lua flags=allow-oom
-- Takes a free partition: a new epoch in the fence, then the lease. One's own lease may be taken anew. A lease that has
-- longer to run than any is given was left when Redis' clock was set back: it counts as over. The fence keeps it safe.
-- @keys  lease, fence, events
-- @args  nonce, worker name, lease ms, group
-- @reply {1, epoch} or {0, the lease that stands}
local lease = redis.call('GET', KEYS[1])
if lease and string.match(lease, '^(%S+)') ~= ARGV[1] and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[3]) then
    return {0, lease}
end
local fence = redis.call('GET', KEYS[2])
local epoch = tonumber(fence and string.match(fence, ' (%d+)$') or '0') + 1
local value = string.format('%s %d', ARGV[1], epoch)
local made = redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[4], '0', 'MKSTREAM')
if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then
    return made
end
redis.call('SET', KEYS[2], value)
redis.call('SET', KEYS[1], value .. ' ' .. ARGV[2], 'PX', ARGV[3])
return {1, epoch}
