#!lua flags=allow-oom
-- The data set's rules: whoever comes first writes version 1; everybody learns the newest.
-- @keys  rules (the history)
-- @args  source, settings (JSON): for version 1
-- @reply {version, settings} of the newest
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last then
    local time = redis.call('TIME')
    local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
    redis.call('XADD', KEYS[1], '*', 'version', '1', 'at', now, 'source', ARGV[1], 'settings', ARGV[2])
    return {'1', ARGV[2]}
end
local found = {'', ''}
for i = 1, #last[2], 2 do
    if last[2][i] == 'version' then found[1] = last[2][i + 1] end
    if last[2][i] == 'settings' then found[2] = last[2][i + 1] end
end
return found
