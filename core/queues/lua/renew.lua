-- ARGV: consumer, lease in ms, then of each entry: id, task id, job key or '', and when it was taken, in ms.
-- Returns for each 1 if it is still the consumer's, else 0.
local consumer, length = ARGV[1], tonumber(ARGV[2])
local since = redis.call('HGET', counts, 'since')

local function keep(id, task_id, job_key, taken)
  local row = pending(id)
  local holder, _, started = lease_of(id)
  if row then
    if row[2] ~= consumer then
      acquit(id, consumer)
      return false
    end
    redis.call('XCLAIM', stream, GROUP, consumer, 0, id, 'JUSTID')
  elseif holder == nil then
    -- It has ended, here or elsewhere; or Redis has lost data since it was taken: all of it, or what it wrote last, so that
    -- the entry looks as if nobody had it yet. Then the job is ours still: hold on to it, and to its key.
    local has_lost_all = not since or tonumber(since) > taken
    if not has_lost_all and #redis.call('XRANGE', stream, id, id) == 0 then return false end
    if job_key ~= '' then
      local rival = redis.call('HGET', keys, job_key)
      if rival and rival ~= task_id and state_of(rival) then return false end
      redis.call('HSET', keys, job_key, task_id)
    end
    redis.call('HSET', places, task_id, id)
  elseif holder ~= consumer then
    acquit(id, consumer)
    return false
  end
  lease(id, consumer, length, started)
  return true
end

local kept = {}
for i = 3, #ARGV, 4 do
  kept[#kept + 1] = keep(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])) and 1 or 0
end
return kept
