#!lua flags=allow-oom
-- The lease of the alerts process: one leads, the others stand by. A lease that was lost is never renewed, for another may
-- have worked meanwhile: it is taken anew, under a new name. One with longer to run than is ever given was
-- left when Redis' clock was set back.
-- @keys  alerts:lease
-- @args  take, renew or give, the holder's name (a new one for each take), lease ms
-- @reply {1 if it is held now, now_ms}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('GET', KEYS[1])
if held and ARGV[1] == 'take' and redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then
    held = false
end
if ARGV[1] == 'take' and not held then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return {1, now}
end
if held ~= ARGV[2] then
    return {0, now}
end
if ARGV[1] == 'give' then
    redis.call('DEL', KEYS[1])
    return {0, now}
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {1, now}
