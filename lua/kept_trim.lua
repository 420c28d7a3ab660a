#!lua flags=allow-oom
-- Removes what is too old of what a partition keeps to be looked at: recent events, and entries set aside; a bounded number
-- at a time. Nothing depends on either.
-- @keys  fence, recent, quarantine
-- @args  fence value, oldest ms to keep of recent, of quarantine (empty: all); most elements of recent to remove
-- @reply the number removed, or the error FENCED
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
local removed = 0
-- an element holds the lines of one commit, oldest first, each begins with the time of its event
local function newest(element)
    return tonumber(string.match(element, '.*\n(%d+)') or string.match(element, '^(%d+)')) or 0
end
while ARGV[2] ~= '' and removed < tonumber(ARGV[4]) do
    local oldest = redis.call('LINDEX', KEYS[2], -1)
    if not oldest or newest(oldest) >= tonumber(ARGV[2]) then
        break
    end
    redis.call('RPOP', KEYS[2])
    removed = removed + 1
end
if ARGV[3] ~= '' then
    removed = removed + redis.call('XTRIM', KEYS[3], 'MINID', ARGV[3])
end
return removed
