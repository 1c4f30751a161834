-- ARGV: how many of each kind at most. Returns {running, waiting, delayed}, the oldest of each first:
-- running as {fields, holder, since in ms, deliveries}, waiting as {id, fields}, delayed as {message, due in ms}.
local most = tonumber(ARGV[1])
local running, waiting, upcoming = {}, {}, {}

local rows = redis.pcall('XPENDING', stream, GROUP, '-', '+', most)
for _, row in ipairs(rows.err and {} or rows) do
  local entry = redis.call('XRANGE', stream, row[1], row[1])[1]
  if entry and row[2] == RELEASED then
    waiting[#waiting + 1] = entry
  elseif entry then
    local holder, _, since = lease_of(row[1])
    running[#running + 1] = {entry[2], holder or row[2], string.format('%.0f', since or now - row[3]), row[4]}
  end
end

local last = '-'
local groups = redis.pcall('XINFO', 'GROUPS', stream)
for _, group in ipairs(groups.err and {} or groups) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  if fields['name'] == GROUP then last = '(' .. fields['last-delivered-id'] end
end
if most > #waiting then
  for _, entry in ipairs(redis.call('XRANGE', stream, last, '+', 'COUNT', most - #waiting)) do
    waiting[#waiting + 1] = entry
  end
end

local due = redis.call('ZRANGE', delayed, 0, most - 1, 'WITHSCORES')
for i = 1, #due, 2 do
  upcoming[#upcoming + 1] = {redis.call('HGET', bodies, due[i]) or '', due[i + 1]}
end
return {running, waiting, upcoming}
