-- Every script of a queue starts with this. Time is that of Redis: workers' clocks may differ.
-- KEYS[1] is the queue's stream. The other keys differ in their last word and share its slot; to name ten of them with
-- every call would cost a client more than the call.
local stream = KEYS[1]
local queue = string.sub(stream, 1, -string.len('stream') - 1)
local delayed, bodies, keys, places = queue .. 'delayed', queue .. 'bodies', queue .. 'keys', queue .. 'places'
local leases, counts, finished = queue .. 'leases', queue .. 'counts', queue .. 'finished'
local paused, cancels, vanished = queue .. 'paused', queue .. 'cancels', queue .. 'vanished'
local GROUP, RELEASED = 'workers', 'released'
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function milliseconds(id)
  return tonumber(string.match(id, '^(%d+)'))
end

-- Who holds the entry, until when, since when; nil if nobody does.
local function lease_of(id)
  local value = redis.call('HGET', leases, id)
  if not value then return nil end
  local holder, till, since = string.match(value, '^(.*)|(%d+)|(%d+)$')
  return holder, tonumber(till), tonumber(since)
end

local function is_leased(id)
  local holder, till = lease_of(id)
  return holder ~= nil and till > now
end

local function lease(id, consumer, length, since)
  redis.call('HSET', leases, id, string.format('%s|%.0f|%.0f', consumer, now + length, since or now))
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

-- Whether the entry is the consumer's: by the group, or, where the group or all data were lost, by its lease.
local function is_mine(id, consumer)
  local row = pending(id)
  local mine = (row and row[2] or lease_of(id)) == consumer
  if not mine then acquit(id, consumer) end
  return mine
end

local function forget_key(job_key, task_id)
  if job_key ~= '' and redis.call('HGET', keys, job_key) == task_id then redis.call('HDEL', keys, job_key) end
end

-- Takes the entry out of the stream, with all that is kept beside it.
local function remove_entry(id, task_id)
  redis.pcall('XACK', stream, GROUP, id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', leases, id)
  redis.call('HDEL', vanished, id)
  redis.call('HDEL', places, task_id)
  redis.call('SREM', cancels, task_id)
end

-- Gives the entry to whoever looks next.
local function release(id)
  redis.pcall('XCLAIM', stream, GROUP, RELEASED, 0, id, 'IDLE', 1000000000, 'JUSTID')
  redis.call('HDEL', leases, id)
end

-- Since when this Redis has counted and leased without losing its data.
local function remember_since()
  redis.call('HSETNX', counts, 'since', string.format('%.0f', now))
end

-- Leases an entry that the group has just handed out. False if it is in other hands: the group was lost and made anew,
-- so that it hands out again what is running. Then the entry goes back to where it runs.
local function take(id, consumer, length)
  local holder, till = lease_of(id)
  if holder and till > now then
    redis.call('XCLAIM', stream, GROUP, holder, 0, id, 'JUSTID')
    return false
  end
  lease(id, consumer, length)
  return true
end
