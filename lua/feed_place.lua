#!lua flags=no-writes
-- Where a partition's change feed ends, and whether a reader who has it up to `id` has missed nothing that is gone.
-- @keys  changes
-- @args  id of the last entry read; 0-0: none; empty: a new reader
-- @reply {id of the last entry, or 0-0; 1 if it can go on from `id`, else 0}, as text
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local tip, whole = last and last[1] or '0-0', '0'
if ARGV[1] == '' or ARGV[1] == tip then
    whole = '1'
elseif ARGV[1] == '0-0' then
    local info = redis.call('XINFO', 'STREAM', KEYS[1])
    local added, kept = 0, -1
    for i = 1, #info, 2 do
        if info[i] == 'entries-added' then added = info[i + 1] end
        if info[i] == 'length' then kept = info[i + 1] end
    end
    whole = added == kept and '1' or '0'
elseif redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1] then
    whole = '1'
end
return {tip, whole}
