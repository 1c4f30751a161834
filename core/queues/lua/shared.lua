-- Every script of a queue starts with this. Time is that of Redis: workers' clocks may differ.
-- KEYS[1] is the queue's stream. The other keys differ in their last word and share its slot; to name ten of them with
-- every call would cost a client more than the call.
local stream = KEYS[1]
local queue = string.sub(stream, 1, -string.len('stream') - 1)
local delayed, bodies, keys, places = queue .. 'delayed', queue .. 'bodies', queue .. 'keys', queue .. 'places'
local leases, counts, finished = queue .. 'leases', queue .. 'counts', queue .. 'finished'
local times = queue .. 'times'
local paused, settling = queue .. 'paused', queue .. 'settling'
local cancels, vanished = queue .. 'cancels', queue .. 'vanished'
local GROUP, RELEASED = 'workers', 'released'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function milliseconds(id)
  return tonumber(string.match(id, '^(%d+)'))
end

-- A lease as it is stored, and its parts: who holds the entry, until when, since when.
local function lease_value(consumer, length, since)
  return string.format('%s|%.0f|%.0f', consumer, now + length, since or now)
end

local function parsed(value)
  local holder, till, since = string.match(value, '^(.*)|(%d+)|(%d+)$')
  return holder, tonumber(till), tonumber(since)
end

-- nil if nobody holds the entry.
local function lease_of(id)
  local value = redis.call('HGET', leases, id)
  if not value then return nil end
  return parsed(value)
end

local function is_leased(id)
  local holder, till = lease_of(id)
  return holder ~= nil and till > now
end

local function lease(id, consumer, length, since)
  redis.call('HSET', leases, id, lease_value(consumer, length, since))
end

-- 'delayed', 'running' or 'waiting'; nil if the job is gone, whatever the indexes still say.
local function state_of(task_id)
  if redis.call('ZSCORE', delayed, task_id) then return 'delayed' end
  local id = redis.call('HGET', places, task_id)
  if not id then return nil end
  if is_leased(id) then return 'running' end
  if #redis.call('XRANGE', stream, id, id) > 0 then return 'waiting' end
  return nil
end

-- The row of the entry in the group: {id, consumer, idle ms, deliveries}; nil without entry, group or stream.
local function pending(id)
  local rows = redis.pcall('XPENDING', stream, GROUP, id, id, 1)
  if rows.err then return nil end
  return rows[1]
end

-- The workers whose lease on the entry ran out and that have not been heard of since: presumably it killed them.
local function killed_by(id)
  local names = {}
  for name in string.gmatch(redis.call('HGET', vanished, id) or '', '%S+') do names[#names + 1] = name end
  return names
end

-- A worker that asks for an entry which is no longer its own was frozen, or cut off, and not killed.
local function acquit(id, consumer)
  local names = killed_by(id)
  for at = #names, 1, -1 do
    if names[at] == consumer then
      table.remove(names, at)
      redis.call('HSET', vanished, id, table.concat(names, ' '))
    end
  end
end

-- Whether the lease, as it is stored, is the consumer's. It may have run out: as long as nobody else took the entry over,
-- it may be ended.
local function is_held(value, consumer)
  return value and string.sub(value, 1, #consumer + 1) == consumer .. '|'
end

local function is_mine(id, consumer)
  local mine = is_held(redis.call('HGET', leases, id), consumer)
  if not mine then acquit(id, consumer) end
  return mine
end

local function forget_key(job_key, task_id)
  if job_key ~= '' and redis.call('HGET', keys, job_key) == task_id then redis.call('HDEL', keys, job_key) end
end

-- Takes entries out of the stream, with all that is kept beside them.
local function remove_entries(ids, task_ids)
  redis.pcall('XACK', stream, GROUP, unpack(ids))
  redis.call('XDEL', stream, unpack(ids))
  redis.call('HDEL', leases, unpack(ids))
  redis.call('HDEL', vanished, unpack(ids))
  redis.call('HDEL', places, unpack(task_ids))
  redis.call('SREM', cancels, unpack(task_ids))
end

local function remove_entry(id, task_id)
  remove_entries({id}, {task_id})
end

-- Gives the entry to whoever looks next.
local function release(id)
  redis.pcall('XCLAIM', stream, GROUP, RELEASED, 0, id, 'IDLE', 1000000000, 'JUSTID')
  redis.call('HDEL', leases, id)
end

-- Whether nothing may be handed out now: the queue is paused, or Redis was emptied and its workers have yet to say what
-- they run.
local function is_held_back()
  return redis.call('EXISTS', paused, settling) > 0
end

-- Leases entries that the group has just handed out. Returns for each whether it is the consumer's now: it is not if the
-- group was lost and made anew, so that it hands out again what is running. Such an entry goes back to where it runs.
local function take(ids, consumer, length)
  local answers, fresh = {}, {}
  if #ids == 0 then return answers end
  local value = lease_value(consumer, length)
  for at, known in ipairs(redis.call('HMGET', leases, unpack(ids))) do
    local holder, till
    if known then holder, till = parsed(known) end
    answers[at] = not (holder and till > now)
    if answers[at] then
      fresh[#fresh + 1] = ids[at]
      fresh[#fresh + 1] = value
    else
      redis.call('XCLAIM', stream, GROUP, holder, 0, ids[at], 'JUSTID')
    end
  end
  if #fresh > 0 then redis.call('HSET', leases, unpack(fresh)) end
  return answers
end
