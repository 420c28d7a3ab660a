#!lua flags=no-writes
-- How large unprocessed entries are: the oldest and the newest ones, without sending any of them.
-- @keys  events, position
-- @args  how many at either end
-- @reply {bytes, entries}
local id = redis.call('HGET', KEYS[2], 'id') or '0-0'
local bytes, entries = 0, 0
local function add(list)
    for _, entry in ipairs(list) do
        entries = entries + 1
        for _, text in ipairs(entry[2]) do
            bytes = bytes + #text
        end
    end
end
add(redis.call('XRANGE', KEYS[1], '(' .. id, '+', 'COUNT', ARGV[1]))
add(redis.call('XREVRANGE', KEYS[1], '+', '(' .. id, 'COUNT', ARGV[1]))
return {bytes, entries}
