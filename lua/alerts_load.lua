#!lua flags=allow-oom
-- What one alert rule remembers. A rule seen for the first time looks at no change older than `since`.
-- @keys  alerts:lease, alerts:rule:NAME, alerts:window:NAME, alerts:queue:NAME
-- @args  the holder's name, since if it is new, ms to keep the rule
-- @reply {since, fired_at (or nil), {pattern id, at, ...}, {delivery id, next_ms, ...}}, or the error FENCED
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('FENCED another process leads the alerts')
end
redis.call('HSETNX', KEYS[2], 'since', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {redis.call('HGET', KEYS[2], 'since'), redis.call('HGET', KEYS[2], 'fired_at'),
        redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES'), redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES')}
