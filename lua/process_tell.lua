#!lua flags=allow-oom
-- The figures of a live process, which go when it dies. Over maxmemory too: that is when somebody looks at them.
-- @keys  process
-- @args  how long they stay in ms, then field, value ...
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
