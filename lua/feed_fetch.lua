#!lua flags=allow-oom
-- The next changes of a partition's feed for one consumer of a group, which is made if it is not there. What the feed's
-- cap has taken away unread is counted. With `over`, changes that a consumer has held in silence for `idle` ms come
-- first; one that has killed too many of them is dropped; consumers that are long gone are forgotten.
-- @keys  changes, counters
-- @args  group, consumer, count, from (0 | $: where a new group begins), over (1 | 0), idle ms, deliveries at most
-- @reply {now_ms, cut, dropped, entries taken over, new entries}
local feed, group, me = KEYS[1], ARGV[1], ARGV[2]
local room, idle = tonumber(ARGV[3]), tonumber(ARGV[6])
local cut, dropped, taken, fresh = 0, 0, {}, {}

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

-- How many entries were ever added, how many of them the cap has taken from the front, and the first that is left.
local function extent()
    local info = redis.pcall('XINFO', 'STREAM', feed)
    if info.err then
        return 0, 0, '0-0'
    end
    info = by_name(info)
    return info['entries-added'], info['entries-added'] - info['length'], info['recorded-first-entry-id']
end

local function find()
    local groups = redis.pcall('XINFO', 'GROUPS', feed)
    for _, flat in ipairs(groups.err and {} or groups) do
        local g = by_name(flat)
        if g['name'] == group then
            return g
        end
    end
end

local g, added, gone, first = find(), extent()
if not g then
    local read = ARGV[4] == '$' and added or gone
    redis.call('XGROUP', 'CREATE', feed, group, ARGV[4], 'MKSTREAM', 'ENTRIESREAD', read)
elseif g['entries-read'] and gone > g['entries-read'] and below(g['last-delivered-id'], first) then
    -- (entries-read alone may be a wrong guess after a restart of Redis: see stream_vitals.lua)
    cut = gone - g['entries-read']
    redis.call('XGROUP', 'SETID', feed, group, g['last-delivered-id'], 'ENTRIESREAD', gone)
end

if ARGV[5] == '1' then
    local ids = {}
    for _, p in ipairs(redis.call('XPENDING', feed, group, 'IDLE', idle, '-', '+', room)) do
        if p[4] >= tonumber(ARGV[7]) then
            redis.call('XACK', feed, group, p[1])
            dropped = dropped + 1
        else
            ids[#ids + 1] = p[1]
        end
    end
    if #ids > 0 then
        taken = redis.call('XCLAIM', feed, group, me, idle, unpack(ids))
        cut = cut + #ids - #taken
    end
    for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', feed, group)) do
        local c = by_name(flat)
        if c['name'] ~= me and c['pending'] == 0 and c['idle'] > 10 * idle then
            redis.call('XGROUP', 'DELCONSUMER', feed, group, c['name'])
        end
    end
end
if room > #taken then
    local got = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', room - #taken, 'STREAMS', feed, '>')
    fresh = got and got[1] and got[1][2] or {}
end
if cut > 0 then
    redis.call('HINCRBY', KEYS[2], 'cut:' .. group, cut)
end
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), cut, dropped, taken, fresh}
