#!lua flags=no-writes
-- Where a partition's change feed ends, and whether a reader who has it up to `id` has missed nothing that is gone. An id
-- may be another change's now: what Redis had not stored when it died, its next life (or a replica whose clock is behind)
-- gives out again. The mark tells such changes apart.
-- @keys  changes
-- @args  id of the last entry read; 0-0: none; empty: a new reader; its mark: the first byte of its pattern's id
-- @reply {id of the last entry ever added, or 0-0; its mark; 1 if a reader can go on from `id`, else 0}
local function mark(entry)
    for i = 1, entry and #entry[2] or 0, 2 do
        if entry[2][i] == 'pattern_id' then
            return tonumber(string.match(entry[2][i + 1], '^%x%x') or '0', 16)
        end
    end
    return 0
end

local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
local feed = {['last-generated-id'] = '0-0', ['entries-added'] = 0, length = 0}
for i = 1, info.err and 0 or #info, 2 do
    feed[info[i]] = info[i + 1]
end
local id, tip = ARGV[1], feed['last-generated-id']
local whole = id == ''
if id == '0-0' then
    whole = feed['entries-added'] == feed.length
elseif not whole then
    local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
    -- the last one of all may be gone: nothing came behind it
    whole = entry and mark(entry) == tonumber(ARGV[2]) or not entry and id == tip
end
return {tip, mark(feed['last-entry']), whole and 1 or 0}
