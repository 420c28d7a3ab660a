#!lua flags=no-writes
-- Where a partition's clock stands, and whether it has something to do: what partition_view.lua tells without asking XINFO,
-- which copies two entries of the stream. A partition that is not behind has none to copy here.
-- @keys  position, events
-- @reply {clock_ms, oldest id not committed, now_ms} as text; empty where there is none
local position = redis.call('HMGET', KEYS[1], 'id', 'clock_ms')
local next_entry = redis.call('XRANGE', KEYS[2], position[1] and '(' .. position[1] or '-', '+', 'COUNT', 1)[1]
local time = redis.call('TIME')
return {position[2] or '', next_entry and next_entry[1] or '',
    string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))}
