-- ARGV: task id. Returns 'removed' (it will not run), 'requested' (its worker will stop it) or 'gone'.
local task_id = ARGV[1]

local function key_in(message)
  local is_json, fields = pcall(cjson.decode, message or '')
  local labels = is_json and type(fields) == 'table' and fields['labels']
  local job_key = type(labels) == 'table' and labels['job_key']
  return type(job_key) == 'string' and job_key or ''
end

local state = state_of(task_id)
if state == nil then return 'gone' end
if state == 'running' then
  redis.call('SADD', cancels, task_id)
  return 'requested'
end
if state == 'delayed' then
  forget_key(key_in(redis.call('HGET', bodies, task_id)), task_id)
  redis.call('ZREM', delayed, task_id)
  redis.call('HDEL', bodies, task_id)
else
  local id = redis.call('HGET', places, task_id)
  local fields = redis.call('XRANGE', stream, id, id)[1][2]
  local message
  for i = 1, #fields, 2 do
    if fields[i] == 'data' then message = fields[i + 1] end
  end
  forget_key(key_in(message), task_id)
  remove_entry(id, task_id)
end
redis.call('HINCRBY', counts, 'cancelled', 1)
return 'removed'
