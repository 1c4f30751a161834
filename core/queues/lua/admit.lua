-- After a blocking read, which no script can do. ARGV: consumer, lease in ms, ids. Returns the time in ms
-- and the ids that may run. Between the read and this, a job may have been cancelled: then its entry is gone.
local consumer, length = ARGV[1], tonumber(ARGV[2])
local none = is_held_back()
local ids = {}
for i = 3, #ARGV do
  if none then
    release(ARGV[i])
  elseif (pending(ARGV[i]) or {})[2] == consumer then
    ids[#ids + 1] = ARGV[i]
  end
end
local taken = {}
for at, mine in ipairs(take(ids, consumer, length)) do
  if mine then taken[#taken + 1] = ids[at] end
end
return {now, taken}
