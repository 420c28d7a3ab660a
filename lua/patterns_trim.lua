#!lua flags=allow-oom
-- Removes patterns that are too old or too many, a bounded number at a time (SPEC 5.4).
-- @keys  fence, patterns, patterns:open, counters
-- @args  fence value, oldest detected_at to keep, most to keep, most to remove, prefix pattern:, prefix patterns:user:
-- @reply when the latest of those removed was detected, -1: none was removed; or the error FENCED
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
local function escaped(user)
    return (string.gsub(user, '[^%w%._~%-]', function(c) return string.format('%%%02X', string.byte(c)) end))
end
local step = tonumber(ARGV[4])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
local ids
if over > 0 then
    ids = redis.call('ZRANGE', KEYS[2], 0, math.min(over, step) - 1)
else
    ids = redis.call('ZRANGE', KEYS[2], '-inf', '(' .. ARGV[2], 'BYSCORE', 'LIMIT', 0, step)
end
local latest = ids[1] and redis.call('ZSCORE', KEYS[2], ids[#ids]) or '-1' -- as text: no number of Lua's is lost
for _, id in ipairs(ids) do
    local user = redis.call('HGET', ARGV[5] .. id, 'user_id')
    redis.call('DEL', ARGV[5] .. id)
    redis.call('ZREM', KEYS[2], id)
    if redis.call('ZREM', KEYS[3], id) == 1 then
        redis.call('HINCRBY', KEYS[4], 'open', -1)
    end
    if user then
        redis.call('ZREM', ARGV[6] .. escaped(user), id)
    end
end
return latest
