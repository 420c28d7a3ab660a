#!lua flags=allow-oom
-- Before a step of what is under suspicion: what this owner is at, in place of what it was at before. Each owner has one
-- mark; that of one which never came back stays, and tells of what it died.
-- @keys  fence, suspect
-- @args  fence value, place: an entry's id, step (empty: at nothing), how many deaths are too many, marks kept at most
-- @reply {how many others have marked this step and not come back; from too many on it is not marked; how many have marked any
--         step of this place; now, in ms}; or the error FENCED
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[5]) or redis.call('HGET', KEYS[2], 'entry') ~= ARGV[2] then
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[2], 'entry', ARGV[2])
end
local me = string.match(ARGV[1], '^%S+')
local all, deaths, others = redis.call('HGETALL', KEYS[2]), 0, 0
for i = 1, #all, 2 do
    local owner = string.match(all[i], '^(%S+) %d+$')
    if owner == me then
        redis.call('HDEL', KEYS[2], all[i])
    elseif owner then
        others = others + 1
        deaths = deaths + (all[i + 1] == ARGV[3] and 1 or 0)
    end
end
if ARGV[3] ~= '' and deaths < tonumber(ARGV[4]) then
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
end
local time = redis.call('TIME')
return {deaths, others, time[1] * 1000 + math.floor(time[2] / 1000)}
