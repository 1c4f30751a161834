-- ARGV: consumer, how many records to keep, then of each entry: id, task id, job key or '', outcome, record.
-- Returns for each 1, or 0 if the entry is not the consumer's any more: then nothing was changed.
local consumer, most = ARGV[1], tonumber(ARGV[2])
local all = {}
for i = 3, #ARGV, 5 do all[#all + 1] = ARGV[i] end

local answers, ids, task_ids, records, outcomes = {}, {}, {}, {}, {}
for at, held in ipairs(redis.call('HMGET', leases, unpack(all))) do
  local id, task_id, job_key, outcome, record = unpack(ARGV, 5 * at - 2, 5 * at + 2)
  answers[at] = is_held(held, consumer) and 1 or 0
  if answers[at] == 1 then
    ids[#ids + 1], task_ids[#task_ids + 1], records[#records + 1] = id, task_id, record
    outcomes[outcome] = (outcomes[outcome] or 0) + 1
    forget_key(job_key, task_id)
  else
    acquit(id, consumer)
  end
end

if #ids > 0 then
  remove_entries(ids, task_ids)
  for outcome, count in pairs(outcomes) do redis.call('HINCRBY', counts, outcome, count) end
  redis.call('LPUSH', finished, unpack(records))
  redis.call('LTRIM', finished, 0, most - 1)
end
return answers
