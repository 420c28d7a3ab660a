#!lua flags=no-writes
-- Who is due: by a time in the deadlines, or because the last event is long ago.
-- @keys  deadlines, active
-- @args  until, at most so many of each, last seen after ( `(ms` or -inf ), last seen until
-- @reply {user, deadline …, earliest first; user, last seen …, earliest first}
return {redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES'),
    redis.call('ZRANGE', KEYS[2], ARGV[3], ARGV[4], 'BYSCORE', 'LIMIT', 0, ARGV[2], 'WITHSCORES')}
