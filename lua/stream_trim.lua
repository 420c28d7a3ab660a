#!lua flags=allow-oom
-- Trims the stream: what every group has committed (and users are stored as of) and is older than the retention goes,
-- the last entry too, so that a quiet site keeps nothing: nodes first, which frees their bytes (see wire/command.h),
-- then what is old in the first node, which can then no longer be read, though a slow site fills no node for days;
-- over the hard cap all that the workers have committed may go, and a group that has not read it is cut off, counted
-- and named (SPEC 5.4).
-- @keys  events, fence, position, counters
-- @args  fence value, own group, oldest ms to keep, most entries to keep
-- @reply the number of entries removed, or the error FENCED
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
    return redis.error_reply('FENCED another worker owns the partition')
end
local function parts(id)
    local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
    return tonumber(ms), tonumber(seq)
end
local function below(a, b)
    local am, as = parts(a)
    local bm, bs = parts(b)
    return am < bm or (am == bm and as < bs)
end
local function after(id)
    local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
    return string.format('%s-%d', ms, tonumber(seq) + 1)
end
local place = redis.call('HMGET', KEYS[3], 'users_id', 'id') -- the first is there if users are behind: they are yet to be redone
local committed = place[1] or place[2]
local own = after(committed and committed ~= '' and committed or '0-0')
local low = own -- the first that must stay
local others = {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #flat, 2 do
        group[flat[i]] = flat[i + 1]
    end
    if group['name'] ~= ARGV[2] then
        local at = group['last-delivered-id']
        local stays = after(at)
        if group['pending'] > 0 then
            at = redis.call('XPENDING', KEYS[1], group['name'])[2]
            stays = at
        end
        others[group['name']] = at
        if below(stays, low) then
            low = stays
        end
    end
end
local cutoff = ARGV[3] .. '-0'
local keep = below(cutoff, low) and cutoff or low
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '~', keep, 'LIMIT', 20000)
if removed < 20000 then removed = removed + redis.call('XTRIM', KEYS[1], 'MINID', keep) end
local over = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[4])
if over > 0 then
    local cut = redis.call('XTRIM', KEYS[1], 'MINID', '~', own, 'LIMIT', math.min(math.max(over, 100), 20000))
    local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
    for name, at in pairs(others) do
        if cut > 0 and first and below(at, first[1]) then
            redis.call('HINCRBY', KEYS[4], 'cut:' .. name, cut)
        end
    end
    removed = removed + cut
end
return removed
