-- ARGV: a consumer that has stopped or '', idle time in ms after which others count as gone. Drops them from the group,
-- except where an entry is still in their name: dropping those would lose it.
local stopped, long = ARGV[1], tonumber(ARGV[2])
local rows = redis.pcall('XINFO', 'CONSUMERS', stream, GROUP)
if rows.err then return 0 end
local dropped = 0
for _, row in ipairs(rows) do
  local fields = {}
  for i = 1, #row, 2 do fields[row[i]] = row[i + 1] end
  local name = fields['name']
  if fields['pending'] == 0 and name ~= RELEASED and (name == stopped or fields['idle'] > long) then
    redis.call('XGROUP', 'DELCONSUMER', stream, GROUP, name)
    dropped = dropped + 1
  end
end
return dropped
