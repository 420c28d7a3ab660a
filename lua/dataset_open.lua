#!lua flags=allow-oom
-- Opens the data set: whoever comes first writes what can never change; everybody learns what is written.
-- @keys  meta
-- @args  version, partitions, hash_key (32 hex digits, made at random by the caller), clock (live | event), the least
--        version that the caller reads: an older data set that is not below it is raised to the caller's version, so that
--        programs that cannot read what will be written refuse it from now on
-- @reply {version, partitions, hash_key, clock, now_ms}: as stored; the caller compares.
local have = redis.call('HMGET', KEYS[1], 'version', 'partitions', 'hash_key', 'clock')
local time = redis.call('TIME')
local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
if not have[1] then
    redis.call('HSET', KEYS[1], 'version', ARGV[1], 'partitions', ARGV[2], 'hash_key', ARGV[3], 'clock', ARGV[4],
        'created_at', now)
    have = {ARGV[1], ARGV[2], ARGV[3], ARGV[4]}
end
local version, least = tonumber(have[1]), tonumber(ARGV[5])
if version and version >= least and version < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'version', ARGV[1])
    have[1] = ARGV[1]
end
have[5] = now
return have
