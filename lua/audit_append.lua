#!lua flags=allow-oom
-- One entry more in the audit trail, if its last entry is the one that the writer knows; with `cut` the entry is the
-- trail's own note that all before it, and no more than that, is removed.
-- @keys  audit
-- @args  n, at, action, actor, subject, detail, prev, hash; cut: the oldest entry's id to keep, or empty
-- @reply {1 if it was done, n, hash, at of the last entry (0, '', 0: none), the store's clock in ms}, as text
local key = KEYS[1]
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local head = {n = '0', hash = '', at = '0'}
local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
if last then
    for i = 1, #last[2], 2 do head[last[2][i]] = last[2][i + 1] end
end
if tonumber(ARGV[1]) ~= tonumber(head.n) + 1 or (last and ARGV[7] ~= head.hash) then
    return {'0', head.n, head.hash, head.at, now}
end
redis.call('XADD', key, '*', 'n', ARGV[1], 'at', ARGV[2], 'action', ARGV[3], 'actor', ARGV[4],
    'subject', ARGV[5], 'detail', ARGV[6], 'prev', ARGV[7], 'hash', ARGV[8])
if ARGV[9] ~= '' then redis.call('XTRIM', key, 'MINID', ARGV[9]) end
return {'1', ARGV[1], ARGV[8], ARGV[2], now}
