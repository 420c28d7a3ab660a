#!lua flags=allow-oom
-- Gives the lease back, if it is the caller's. The fence stays: epochs only grow. Whoever is there to give it back has not
-- died of what it marked (suspect_mark.lua).
-- @keys  lease, suspect
-- @args  fence value, worker name
-- @reply 1: given back, 0: it was not the caller's
redis.call('HDEL', KEYS[2], ARGV[1])
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ' ' .. ARGV[2] then
    return 0
end
return redis.call('DEL', KEYS[1])
