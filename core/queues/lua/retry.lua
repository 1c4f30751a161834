-- ARGV: consumer, id, task id, job key or '', message, delay in ms. Returns 1, or 0 if the entry is not the consumer's
-- any more: then nothing was changed.
local consumer, id, task_id, job_key, message, delay = unpack(ARGV)
if not is_mine(id, consumer) then return 0 end
redis.call('ZADD', delayed, now + tonumber(delay), task_id)
redis.call('HSET', bodies, task_id, message)
if job_key ~= '' then redis.call('HSET', keys, job_key, task_id) end
remove_entry(id, task_id)
redis.call('HINCRBY', counts, 'retried', 1)
return 1
