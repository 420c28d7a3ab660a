#!lua flags=allow-oom
-- Reads the next entries of the stream for the owner; a zombie reads nothing. What a predecessor left pending comes
-- first. When nothing is unread and a deadline is due by the store's clock, time itself enters the stream: a tick.
-- For these two; the usual fetch decides nothing and needs no script (src/store/world_fetch.c).
-- @keys  events, fence, deadlines, active
-- @args  fence value, group, consumer, count, pending (1: pending entries first), grace ms (-1: event time), how many of
--        those to give who are due by the time of the last entry; who was last seen so many ms ago is due, if he was
--        last seen after ( `(ms` or -inf ); tick (0: not now)
-- @reply {now_ms, who is due first: when (-1: never), pending (1: these were pending), entries as XREADGROUP gives them,
--         of pending ones how often each was delivered, this time included; who is due: user, deadline …, earliest first;
--         and by when they were last seen: user, last seen …}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function read(from)
    local got = redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[3], 'COUNT', ARGV[4], 'STREAMS', KEYS[1], from)
    return got and got[1] and got[1][2] or {}
end
local pending, entries, deliveries = 0, {}, {}
if ARGV[5] == '1' then
    entries = read('0')
    pending = #entries > 0 and 1 or 0
end
if pending == 1 then
    for i, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[2], '-', '+', #entries, ARGV[3])) do
        deliveries[i] = p[4]
    end
end
if #entries == 0 then
    entries = read('>')
end
local function earliest()
    local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
    local seen = redis.call('ZRANGE', KEYS[4], ARGV[9], '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
    local idle = seen and seen + ARGV[8] or math.huge
    return math.min(tonumber(first or idle), idle)
end
local first = earliest()
local grace = tonumber(ARGV[6])
if #entries == 0 and grace >= 0 and ARGV[10] == '1' and first + grace <= now then
    -- A tick in the millisecond of the last entry would not move the clock.
    local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
    if not last[1] or tonumber(string.match(last[1][1], '^%d+')) < now then
        redis.call('XADD', KEYS[1], '*', 'tick', '1')
        entries = read('>')
    end
end
local due, idle = {}, {}
if #entries > 0 and grace >= 0 then
    local last = tonumber(string.match(entries[#entries][1], '^%d+'))
    due = redis.call('ZRANGE', KEYS[3], '-inf', string.format('%.0f', last - grace), 'BYSCORE', 'LIMIT', 0, ARGV[7],
        'WITHSCORES')
    idle = redis.call('ZRANGE', KEYS[4], ARGV[9], string.format('%.0f', last - grace - ARGV[8]), 'BYSCORE', 'LIMIT', 0,
        ARGV[7], 'WITHSCORES')
end
return {now, first == math.huge and '-1' or string.format('%.0f', first), pending, entries, deliveries, due, idle}
