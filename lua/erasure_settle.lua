#!lua flags=allow-oom
-- A step of an erasure is done; once all serve processes must have heard of it, it is finished. A large tick then closes
-- the stream's node (wire/command.h), so that what raced with the erase goes when the tick is trimmed.
-- @keys  erasures, erasure:HASH, events
-- @args  hash, the erasure's time, ms until it is finished, bad events removed, entries set aside removed, the tick's text
-- @reply 1: finished (or by another), 0: not yet
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if at ~= ARGV[2] then
    return 1
end
if tonumber(ARGV[4]) > 0 then redis.call('HINCRBY', KEYS[2], 'bad_events', ARGV[4]) end
if tonumber(ARGV[5]) > 0 then redis.call('HINCRBY', KEYS[2], 'quarantined', ARGV[5]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now < tonumber(at) + tonumber(ARGV[3]) then
    return 0
end
redis.call('XADD', KEYS[3], '*', 'tick', ARGV[6])
redis.call('HSET', KEYS[2], 'finished_at', string.format('%d', now))
redis.call('HDEL', KEYS[2], 'user_id')
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
