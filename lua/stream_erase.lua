#!lua flags=allow-oom
-- Takes a user's entries out of a small stream that nobody reads in groups: rejected events, entries set aside. Entries
-- that XDEL marks would stay in their node as bytes, and in every snapshot: so what is kept is written anew, with its ids.
-- @keys  the stream
-- @args  user id, the id as a JSON string with its quotes
-- @reply how many entries went
local id, quoted = ARGV[1], ARGV[2]
local long = #id >= 8 -- a short one is part of too much else
local function names(value)
    if value == id or string.find(value, quoted, 1, true) or (long and string.find(value, id, 1, true)) then
        return true
    end
    if string.find(value, '\\', 1, true) then -- the id may be written in another way
        local ok, event = pcall(cjson.decode, value)
        return ok and type(event) == 'table' and event['user_id'] == id
    end
    return false
end
local kept, gone = {}, 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
    local found = false
    for _, value in ipairs(entry[2]) do
        found = found or names(value)
    end
    if found then
        gone = gone + 1
    else
        kept[#kept + 1] = entry
    end
end
if gone > 0 then
    redis.call('DEL', KEYS[1])
    for _, entry in ipairs(kept) do
        redis.call('XADD', KEYS[1], entry[1], unpack(entry[2]))
    end
end
return gone
