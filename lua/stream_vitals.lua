#!lua flags=no-writes
-- How a stream is, without its content. What is not committed is told by the partition's own position: how many entries a
-- group has read is not in the append-only file (an XREADGROUP is written there as XCLAIM), so after a restart the lag that
-- XINFO GROUPS tells is nil, or a guess that stays wrong.
-- @keys  events, position, counters
-- @args  own group
-- @reply {length, entries not committed, groups that lost entries and still stand before the gap, clock_ms or ''}
local position = redis.call('HMGET', KEYS[2], 'entries', 'clock_ms')
local clock = position[2] or ''
if redis.call('EXISTS', KEYS[1]) == 0 then
    return {0, 0, 0, clock}
end
local function by_name(flat)
    local map = {}
    for i = 1, #flat, 2 do
        map[flat[i]] = flat[i + 1]
    end
    return map
end
local function below(a, b)
    local am, as = string.match(a, '^(%d+)%-(%d+)$')
    local bm, bs = string.match(b, '^(%d+)%-(%d+)$')
    am, bm = tonumber(am), tonumber(bm)
    return am < bm or (am == bm and tonumber(as) < tonumber(bs))
end
-- In full, of one entry: else the first and the last are copied.
local stream = by_name(redis.call('XINFO', 'STREAM', KEYS[1], 'FULL', 'COUNT', 1))
local lag = math.max(0, stream['entries-added'] - tonumber(position[1] or '0'))
local cut = lag > stream['length'] and 1 or 0
for _, flat in ipairs(stream['groups']) do
    local group = by_name(flat)
    if group['name'] ~= ARGV[1] and below(group['last-delivered-id'], stream['recorded-first-entry-id']) and
        redis.call('HGET', KEYS[3], 'cut:' .. group['name']) then
        cut = cut + 1
    end
end
return {stream['length'], lag, cut, clock}
