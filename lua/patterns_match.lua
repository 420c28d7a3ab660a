#!lua flags=no-writes
-- A page of a partition's patterns, newest first, each with whether it passes a filter: what would otherwise be a command
-- a pattern and its texts on the way to be looked at is one command, which costs a quarter. Only the fields that the filter
-- is about are read. An empty text is no filter; app/query/rows.h has the same in C, for the stream.
-- @keys  patterns, patterns:open or patterns:user:ID
-- @args  detected_at from, down to, how many to skip, how many at most, prefix pattern:, type, severity, page, user_id,
--        resolved (true | false), q in lower case
-- @reply {pattern id, detected_at, 1 | 0, ...}
local want = {type = ARGV[6], severity = ARGV[7], page = ARGV[8], user_id = ARGV[9]}
local resolved, q = ARGV[10], ARGV[11]
local names = {'type'} -- of a pattern that is gone meanwhile it is not there
for _, name in ipairs({'severity', 'page', 'user_id'}) do
    if want[name] ~= '' or (q ~= '' and name ~= 'severity') then names[#names + 1] = name end
end
if resolved ~= '' then names[#names + 1] = 'resolved' end
if q ~= '' then names[#names + 1] = 'explanation' end

local searched = {page = true, user_id = true, explanation = true}
local function passes(values)
    local found = q == ''
    for i, name in ipairs(names) do
        local value = values[i] or ''
        if (want[name] or '') ~= '' and value ~= want[name] then return false end
        if name == 'type' and value == '' then return false end
        if name == 'resolved' and (value ~= '' and value ~= 'false') ~= (resolved == 'true') then return false end
        found = found or (searched[name] and string.find(string.lower(value), q, 1, true) ~= nil)
    end
    return found
end

local page = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'BYSCORE', 'REV', 'LIMIT', ARGV[3], ARGV[4], 'WITHSCORES')
local reply = {}
for i = 1, #page, 2 do
    reply[#reply + 1] = page[i]
    reply[#reply + 1] = page[i + 1]
    reply[#reply + 1] = passes(redis.call('HMGET', ARGV[5] .. page[i], unpack(names))) and 1 or 0
end
return reply
