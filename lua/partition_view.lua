#!lua flags=no-writes
-- How far a partition is, in one look. Carries ids and numbers only, never an entry's content.
-- @keys  position, events
-- @reply {id, clock_ms, entries, epoch, committed_at_ms, entries added, entries kept, oldest id not committed, now_ms}
--        as text; empty where there is none
local position = redis.call('HMGET', KEYS[1], 'id', 'clock_ms', 'entries', 'epoch', 'committed_at_ms')
local added, kept, oldest = 0, 0, ''
if redis.call('EXISTS', KEYS[2]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[2])
    for i = 1, #info, 2 do
        if info[i] == 'entries-added' then added = info[i + 1] end
        if info[i] == 'length' then kept = info[i + 1] end
    end
    local next_entry = redis.call('XRANGE', KEYS[2], position[1] and '(' .. position[1] or '-', '+', 'COUNT', 1)[1]
    oldest = next_entry and next_entry[1] or ''
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local view = {}
for i = 1, 5 do
    view[i] = position[i] or ''
end
view[6], view[7] = string.format('%d', added), string.format('%d', kept)
view[8], view[9] = oldest, string.format('%d', now)
return view
