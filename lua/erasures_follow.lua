#!lua flags=no-writes
-- What a serve process has to know of a partition's erasures: tombstones since it last looked, and what is unfinished.
-- @keys  tombstones, erasures
-- @args  how many tombstones it knows, the time of the latest of them (0: none), prefix erasure:, unfinished at most
-- @reply {same | more | all (forget what you know), {hash, ms …}, now_ms, {hash, ms, user_id …}}
local n = redis.call('ZCARD', KEYS[1])
local last = redis.call('ZRANGE', KEYS[1], 0, 0, 'REV', 'WITHSCORES')[2] or '0'
local known = tonumber(ARGV[1])
local how, tombstones = 'same', {}
if n ~= known or last ~= ARGV[2] then
    how = 'more'
    tombstones = redis.call('ZRANGE', KEYS[1], '(' .. ARGV[2], '+inf', 'BYSCORE', 'WITHSCORES')
    if known + #tombstones / 2 ~= n then
        how = 'all'
        tombstones = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
    end
end
local time = redis.call('TIME')
local unfinished = {}
for i, value in ipairs(redis.call('ZRANGE', KEYS[2], 0, tonumber(ARGV[4]) - 1, 'WITHSCORES')) do
    unfinished[#unfinished + 1] = value
    if i % 2 == 0 then
        unfinished[#unfinished + 1] = redis.call('HGET', ARGV[3] .. unfinished[#unfinished - 1], 'user_id') or ''
    end
end
return {how, tombstones, time[1] * 1000 + math.floor(time[2] / 1000), unfinished}
