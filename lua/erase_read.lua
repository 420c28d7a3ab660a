#!lua flags=no-writes
-- What an erase must take away of a user, beyond the user's state.
-- @keys  patterns:user:ID, patterns:open, recent
-- @args  how many patterns at most
-- @reply {pattern id, open (1 | 0), …, oldest first}, {recent elements, newest first}
local owned = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)) do
    owned[#owned + 1] = id
    owned[#owned + 1] = redis.call('ZSCORE', KEYS[2], id) and '1' or '0'
end
return {owned, redis.call('LRANGE', KEYS[3], 0, -1)}
