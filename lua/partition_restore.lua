#!lua flags=allow-oom
-- What a new owner has to know before its first entry.
-- @keys  fence, position, rate, seen, recent, rules, tombstones, users_stored
-- @args  fence value
-- @reply {position: id, clock_ms, entries; the same of where users are stored as of, if that is behind it, and by
--         which grace, event memory and number of ids since then (else empty texts);
--         rate; seen elements, oldest first; recent elements, newest first;
--         rules: version, at, settings (empty texts: none noted); tombstones: hash, ms …;
--         users who are not behind though others are}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
local position = redis.call('HMGET', KEYS[2], 'id', 'clock_ms', 'entries')
local users = redis.call('HMGET', KEYS[2], 'users_id', 'users_clock_ms', 'users_entries', 'users_grace_ms', 'users_seen_ms',
    'users_seen_max', 'users_part_id')
local in_parts = users[1] and users[7] and users[7] == position[1]
local rules = redis.call('HMGET', KEYS[6], 'version', 'at', 'settings')
return {position[1] or '', position[2] or '-1', position[3] or '0', users[1] or '', users[2] or '', users[3] or '',
    users[4] or '', users[5] or '', users[6] or '',
    redis.call('GET', KEYS[3]) or '', redis.call('LRANGE', KEYS[4], 0, -1), redis.call('LRANGE', KEYS[5], 0, -1),
    rules[1] or '', rules[2] or '', rules[3] or '', redis.call('ZRANGE', KEYS[7], 0, -1, 'WITHSCORES'),
    in_parts and redis.call('LRANGE', KEYS[8], 0, -1) or {}}
