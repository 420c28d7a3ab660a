#!lua flags=allow-oom
-- One heartbeat of a worker or process, by the store's clock, and who else is alive. What lies in the future was left
-- when that clock was set back: the living will soon be here again.
-- @keys  workers (or processes)
-- @args  name, how long a heartbeat counts in ms, stay (1) or leave (0)
-- @reply {now_ms, names of the living in bytewise order}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] == '1' then
    redis.call('ZADD', KEYS[1], now, ARGV[1])
else
    redis.call('ZREM', KEYS[1], ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
local names = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(names)
return {now, names}
