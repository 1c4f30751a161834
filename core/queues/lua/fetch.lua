-- ARGV: consumer, how many at most, lease in ms. Returns the time in
-- ms and {{id, fields}, …}, which are the consumer's now.
local consumer, most, length = ARGV[1], ARGV[2], tonumber(ARGV[3])
if is_held_back() then return {now, {}} end

local answer = redis.call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', most, 'STREAMS', stream, '>')
local entries = answer and answer[1][2] or {}
local ids = {}
for at, entry in ipairs(entries) do ids[at] = entry[1] end
local taken = {}
for at, mine in ipairs(take(ids, consumer, length)) do
  if mine then taken[#taken + 1] = entries[at] end
end
return {now, taken}
