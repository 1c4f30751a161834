-- Deletes what waits, and nothing that was handed out. ARGV: 'waiting', how many entries to look at, the last one to look
-- at, the last one looked at so far or ''. Returns {deleted, last one looked at, or '' if none is left}.
-- Or ARGV: 'delayed', task ids of jobs that were delayed. Returns {deleted}.
local function labels_of(message)
  local is_json, fields = pcall(cjson.decode, message or '')
  if not is_json or type(fields) ~= 'table' then return '', '' end
  local task_id, labels = fields['task_id'], fields['labels']
  local job_key = type(labels) == 'table' and labels['job_key']
  return type(task_id) == 'string' and task_id or '', type(job_key) == 'string' and job_key or ''
end

local function delete_entry(entry)
  local message
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'data' then message = entry[2][i + 1] end
  end
  local task_id, job_key = labels_of(message)
  local place = redis.call('HGET', places, task_id)
  if place and place ~= entry[1] then
    -- The same job has another entry, which may be running: the key and the place are that one's.
    task_id = ''
  else
    forget_key(job_key, task_id)
  end
  remove_entry(entry[1], task_id)
end

local function waits(id)
  if is_leased(id) then return false end
  local row = pending(id)
  return row == nil or row[2] == RELEASED
end

local function is_after(id, other)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_n = string.match(other, '^(%d+)-(%d+)$')
  if ms ~= other_ms then return tonumber(ms) > tonumber(other_ms) end
  return tonumber(n) > tonumber(other_n)
end

local function purge_waiting(most, till, last)
  local deleted = 0
  local rows = redis.pcall('XPENDING', stream, GROUP, '-', till, most, RELEASED)
  for _, row in ipairs(rows.err and {} or rows) do
    local entry = redis.call('XRANGE', stream, row[1], row[1])[1]
    if entry and waits(row[1]) then
      delete_entry(entry)
      deleted = deleted + 1
    end
  end
  local released = deleted

  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, group in ipairs(groups.err and {} or groups) do
    local fields = {}
    for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
    local read = fields['last-delivered-id']
    if fields['name'] == GROUP and (last == '' or is_after(read, last)) then last = read end
  end
  local looked_at = redis.call('XRANGE', stream, last == '' and '-' or '(' .. last, till, 'COUNT', most)
  for _, entry in ipairs(looked_at) do
    if waits(entry[1]) then
      delete_entry(entry)
      deleted = deleted + 1
    end
  end
  if #looked_at > 0 then last = looked_at[#looked_at][1] end
  local is_more = #looked_at == most or released == most
  return deleted, is_more and last or ''
end

local function purge_delayed(task_id)
  if redis.call('ZSCORE', delayed, task_id) then
    local _, job_key = labels_of(redis.call('HGET', bodies, task_id))
    forget_key(job_key, task_id)
    redis.call('ZREM', delayed, task_id)
    redis.call('HDEL', bodies, task_id)
    return 1
  end
  -- It has become due meanwhile.
  local id = redis.call('HGET', places, task_id)
  local entry = id and redis.call('XRANGE', stream, id, id)[1]
  if not entry or not waits(id) then return 0 end
  delete_entry(entry)
  return 1
end

local answer
if ARGV[1] == 'waiting' then
  answer = {purge_waiting(tonumber(ARGV[2]), ARGV[3], ARGV[4])}
else
  answer = {0}
  for i = 2, #ARGV do answer[1] = answer[1] + purge_delayed(ARGV[i]) end
end
if answer[1] > 0 then redis.call('HINCRBY', counts, 'cancelled', answer[1]) end
return answer
