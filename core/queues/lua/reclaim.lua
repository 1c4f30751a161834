-- ARGV: consumer, lease in ms, the time that the consumer expects in ms or '', how many at most, how many deaths are too
-- many, 1 if a suspect may be among them, then the ids that the consumer has in hand.
-- Takes over what nobody works at any more. Returns the time in ms and {{id, fields, deliveries, deaths}, …}.
local consumer, length, expected, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local too_many, suspects = tonumber(ARGV[5]), tonumber(ARGV[6])
if is_held_back() then return {now, {}} end
-- The clock was put forward: every lease has run out, and nobody had a chance to renew his.
if expected and now - expected > length / 2 then return {now, {}} end
local in_hand = {}
for i = 7, #ARGV do in_hand[ARGV[i]] = true end

-- Those that the entry killed, the last one included: one that gave it back, or never began, holds no lease, and that
-- the consumer itself has lost its hold on it killed nobody.
local function deaths_of(id)
  local names, holder = killed_by(id), lease_of(id)
  if holder == consumer then holder = nil end
  for _, name in ipairs(names) do
    if name == holder then holder = nil end
  end
  names[#names + 1] = holder
  return names
end

local taken = {}
local function take(id, deliveries)
  local names = deaths_of(id)
  -- Suspects, in whose presence all but one of the deaths allowed have happened, are not started together: if one of
  -- them is what kills workers, the others are not held to have done it.
  local is_suspect = #names == too_many - 1
  if not in_hand[id] and not is_leased(id) and not (is_suspect and suspects == 0) then
    local claimed
    if #names >= too_many then
      redis.call('XCLAIM', stream, GROUP, consumer, length, id, 'JUSTID')
      claimed = redis.call('XRANGE', stream, id, id)
    else
      claimed = redis.call('XCLAIM', stream, GROUP, consumer, length, id)
      deliveries = deliveries + 1
    end
    -- Nothing comes back of an entry that was deleted from the stream; the group has dropped it now.
    if #claimed > 0 then
      if #names > 0 then redis.call('HSET', vanished, id, table.concat(names, ' ')) end
      lease(id, consumer, length)
      taken[#taken + 1] = {id, claimed[1][2], deliveries, #names}
      if is_suspect then suspects = 0 end
    end
  end
end

-- Any number that may not be taken now may stand before one that may; beyond 1,000, those have to go first.
local from = '-'
for _ = 1, 10 do
  local rows = redis.call('XPENDING', stream, GROUP, 'IDLE', length, from, '+', 100)
  for _, row in ipairs(rows) do
    if #taken < most then take(row[1], row[4]) end
  end
  if #rows < 100 or #taken >= most then break end
  from = '(' .. rows[100][1]
end
return {now, taken}
