#!lua flags=allow-oom
-- A consumer says that it still has a change, or hands it back to be taken over at once. One that was taken over from it
-- meanwhile is not its own any more, and stays where it is.
-- @keys  changes
-- @args  group, consumer, entry id, idle ms to hand back with (empty: it is kept)
-- @reply 1, or 0: another has it, or nobody
local mine = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if mine.err or not mine[1] then
    return 0
end
if ARGV[4] == '' then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
else
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'RETRYCOUNT', 0, 'JUSTID')
end
return 1
