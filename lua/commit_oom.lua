#!lua flags=allow-oom
-- The same commit as MULTI ... EXEC, for a Redis over its maxmemory that refuses MULTI. Everything is looked at
-- before the first write, for Redis does not take back what a script has done.
-- @keys  fence
-- @args  fence value, then each command: number of words, words ...
-- @reply the number of commands run, or the error FENCED
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
local at, n = 2, 0
while at <= #ARGV do
    local words = tonumber(ARGV[at])
    if not words or words < 1 or at + words > #ARGV then
        return redis.error_reply('ERR a command of the commit is not whole')
    end
    if words > 7000 then -- unpack would fail from 8,000 on, half-way
        return redis.error_reply('ERR a command of the commit is too long')
    end
    at = at + words + 1
end
at = 2
while at <= #ARGV do
    local words = tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, at + words))
    at = at + words + 1
    n = n + 1
end
return n
