#!lua flags=no-writes
-- What an erase must take away of a user, beyond the user's state.
-- @keys  patterns:user:ID, patterns:open, recent
-- @args  how many patterns at most, how many bytes of recent elements
-- @reply {pattern id, open (1 | 0), …, oldest first}, {the newest recent elements that fit, newest first}, how many do not
local PAGE = 8 -- an element has up to some 8 MB
local owned = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)) do
    owned[#owned + 1] = id
    owned[#owned + 1] = redis.call('ZSCORE', KEYS[2], id) and '1' or '0'
end
local all, bytes, recent = redis.call('LLEN', KEYS[3]), 0, {}
for from = 0, all - 1, PAGE do
    for _, element in ipairs(redis.call('LRANGE', KEYS[3], from, from + PAGE - 1)) do
        bytes = bytes + #element
        if bytes > tonumber(ARGV[2]) then
            return {owned, recent, all - #recent}
        end
        recent[#recent + 1] = element
    end
end
return {owned, recent, 0}
