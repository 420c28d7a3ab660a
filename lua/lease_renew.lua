#!lua flags=allow-oom
-- Renews the lease of the owner that stands in the fence, even after a stall in which the lease ran out.
-- @keys  lease, fence
-- @args  fence value, worker name, lease ms
-- @reply 1, or the error FENCED
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
