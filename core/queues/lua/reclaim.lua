-- ARGV: consumer, lease in ms, how many at most, the cap of deliveries, then the ids that the consumer has in hand.
-- Takes over what nobody works at any more. Returns the time in ms and {{id, fields, deliveries}, …}; what has
-- reached the cap comes with cap + 1 and must not run.
local consumer, length, most, cap = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', paused) == 1 then return {now, {}} end
local in_hand = {}
for i = 5, #ARGV do in_hand[ARGV[i]] = true end

local taken, last_chances = {}, 0
for _, row in ipairs(redis.call('XPENDING', stream, GROUP, 'IDLE', length, '-', '+', 100)) do
  if #taken >= most then break end
  local id, deliveries = row[1], row[4]
  local is_last_chance = deliveries == cap - 1
  -- A job that twice was in the hands of a worker that died is not started together with another such: if one of them
  -- is what kills workers, only that one is counted a third time.
  if not in_hand[id] and not is_leased(id) and not (is_last_chance and last_chances > 0) then
    local claimed
    if deliveries >= cap then
      redis.call('XCLAIM', stream, GROUP, consumer, length, id, 'JUSTID')
      claimed = redis.call('XRANGE', stream, id, id)
    else
      claimed = redis.call('XCLAIM', stream, GROUP, consumer, length, id)
    end
    -- Nothing comes back of an entry that was deleted from the stream; the group has dropped it now.
    if #claimed > 0 then
      lease(id, consumer, length)
      taken[#taken + 1] = {id, claimed[1][2], deliveries + 1}
      if is_last_chance then last_chances = 1 end
    end
  end
end
if #taken > 0 then remember_since() end
return {now, taken}
