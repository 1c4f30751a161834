-- Returns {waiting, running, delayed, ms at which the oldest waiting job became due or '', paused, done, failed}.
local length = redis.call('XLEN', stream)
local given, released, last, oldest = 0, 0, '-', nil

local summary = redis.pcall('XPENDING', stream, GROUP)
if not summary.err then
  given = summary[1]
  for _, row in ipairs(summary[4] or {}) do
    if row[1] == RELEASED then released = tonumber(row[2]) end
  end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local fields = {}
    for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
    if fields['name'] == GROUP then last = '(' .. fields['last-delivered-id'] end
  end
end

local unread = redis.call('XRANGE', stream, last, '+', 'COUNT', 1)
if #unread > 0 then oldest = milliseconds(unread[1][1]) end
if released > 0 then
  local first = milliseconds(redis.call('XPENDING', stream, GROUP, '-', '+', 1, RELEASED)[1][1])
  if not oldest or first < oldest then oldest = first end
end

return {
  math.max(length - given + released, 0), given - released, redis.call('ZCARD', delayed),
  oldest and string.format('%.0f', oldest) or '', redis.call('EXISTS', paused),
  redis.call('HGET', counts, 'done') or '0', redis.call('HGET', counts, 'failed') or '0',
}
