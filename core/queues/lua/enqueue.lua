-- ARGV: task id, job key or '', message, delay in ms. Returns 'accepted', or where the holder of the key is.
local task_id, job_key, message, delay = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

-- The caller lost our first answer and asks again.
if state_of(task_id) then return 'accepted' end

if job_key ~= '' then
  local holder = redis.call('HGET', keys, job_key)
  local state = holder and state_of(holder)
  if state then return state end
  redis.call('HSET', keys, job_key, task_id)
end

if delay > 0 then
  redis.call('ZADD', delayed, now + delay, task_id)
  redis.call('HSET', bodies, task_id, message)
else
  redis.call('HSET', places, task_id, redis.call('XADD', stream, '*', 'data', message))
end
return 'accepted'
