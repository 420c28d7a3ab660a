#!lua flags=allow-oom
-- Takes a user's entries out of a small stream that nobody reads in groups: rejected events, entries set aside. Entries
-- that XDEL marks would stay in their node as bytes, and in every snapshot: so what is kept is written anew, with its ids.
-- @keys  the stream
-- @args  user id, the id as a JSON string with its quotes, the id's keyed hash
-- @reply how many entries went
local id, quoted, hash = ARGV[1], ARGV[2], ARGV[3]
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
    for i = 1, #entry[2], 2 do
        local field, value = entry[2][i], entry[2][i + 1]
        if field == 'users' then
            found = found or string.find(value, hash, 1, true) ~= nil
        else
            found = found or names(field) or names(value)
        end
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
