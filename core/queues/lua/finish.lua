-- ARGV: consumer, id, task id, job key or '', outcome, record, how many records to keep. Returns 1, or 0 if the entry is
-- not the consumer's any more: then nothing was changed.
local consumer, id, task_id, job_key, outcome, record, most = unpack(ARGV)
if not is_mine(id, consumer) then return 0 end
remove_entry(id, task_id)
forget_key(job_key, task_id)
redis.call('HINCRBY', counts, outcome, 1)
redis.call('LPUSH', finished, record)
redis.call('LTRIM', finished, 0, tonumber(most) - 1)
return 1
