#!lua flags=allow-oom
-- Removes patterns that are too old or too many, a bounded number at a time (SPEC 5.4).
-- @keys  fence, patterns, patterns:open, counters
-- @args  fence value, oldest detected_at to keep, most to keep, most to remove, prefix pattern:, prefix patterns:user:
-- @reply {when the latest of those removed was detected (-1: none was removed), 1 if there may be more}, or the error FENCED
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
if #ids == 0 then
    return {'-1', 0}
end
local latest = redis.call('ZSCORE', KEYS[2], ids[#ids]) -- as text: no number of Lua's is lost
local hashes, of_users, users = {}, {}, {}
for i, id in ipairs(ids) do
    hashes[i] = ARGV[5] .. id
    local user = redis.call('HGET', hashes[i], 'user_id')
    if user and not of_users[user] then
        of_users[user] = {}
        users[#users + 1] = user
    end
    if user then table.insert(of_users[user], id) end
end
redis.call('DEL', unpack(hashes))
redis.call('ZREM', KEYS[2], unpack(ids))
local open = redis.call('ZREM', KEYS[3], unpack(ids))
if open > 0 then redis.call('HINCRBY', KEYS[4], 'open', -open) end
for _, user in ipairs(users) do
    redis.call('ZREM', ARGV[6] .. escaped(user), unpack(of_users[user]))
end
return {latest, #ids == step and 1 or 0}
