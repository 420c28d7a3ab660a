#!lua flags=no-writes
-- How large unprocessed entries are: the oldest and the newest ones, without sending any of them. Each is copied, so of
-- large ones fewer are looked at: under load this is asked several times a second, of every partition.
-- @keys  events, position
-- @args  at either end: how many at most, and how many bytes are enough
-- @reply {bytes, entries}
local id = redis.call('HGET', KEYS[2], 'id') or '0-0'
local bytes, entries = 0, 0
local function add(command, from, to)
    local enough = bytes + ARGV[2]
    for _ = 1, ARGV[1] do
        local entry = bytes < enough and redis.call(command, KEYS[1], from, to, 'COUNT', 1)[1]
        if not entry then
            return
        end
        entries = entries + 1
        for _, text in ipairs(entry[2]) do
            bytes = bytes + #text
        end
        from = '(' .. entry[1]
    end
end
add('XRANGE', '(' .. id, '+')
add('XREVRANGE', '+', '(' .. id)
return {bytes, entries}
