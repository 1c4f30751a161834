-- ARGV: consumer, how many at most, lease in ms. Returns the time in
-- ms and {{id, fields}, …}, which are the consumer's now.
local consumer, most, length = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', paused) == 1 then return {now, {}} end

local answer = redis.call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', most, 'STREAMS', stream, '>')
local taken = {}
for _, entry in ipairs(answer and answer[1][2] or {}) do
  if take(entry[1], consumer, length) then taken[#taken + 1] = entry end
end
if #taken > 0 then remember_since() end
return {now, taken}
