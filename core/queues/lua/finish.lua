-- ARGV: consumer, how many records to keep, then of each entry: id, task id, job key or '', outcome, record,
-- and how long it waited and ran, as 'ms bucket ms bucket' (each argument costs the client), or ''.
-- Returns for each 1, or 0 if the entry is not the consumer's any more: then nothing was changed.
local consumer, most = ARGV[1], tonumber(ARGV[2])
local all = {}
for i = 3, #ARGV, 6 do all[#all + 1] = ARGV[i] end

local answers, ids, task_ids, records, outcomes, took = {}, {}, {}, {}, {}, {}
local function add(field, number) took[field] = (took[field] or 0) + number end
for at, held in ipairs(redis.call('HMGET', leases, unpack(all))) do
  local id, task_id, job_key, outcome, record, times_of_it = unpack(ARGV, 6 * at - 3, 6 * at + 2)
  answers[at] = is_held(held, consumer) and 1 or 0
  if answers[at] == 1 then
    ids[#ids + 1], task_ids[#task_ids + 1], records[#records + 1] = id, task_id, record
    outcomes[outcome] = (outcomes[outcome] or 0) + 1
    forget_key(job_key, task_id)
    local waited_ms, waited, ran_ms, ran = string.match(times_of_it, '^(%d+) (%S+) (%d+) (%S+)$')
    if waited then
      add('waited:' .. waited, 1)
      add('waited:ms', tonumber(waited_ms))
      add('ran:' .. ran, 1)
      add('ran:ms', tonumber(ran_ms))
    end
  else
    acquit(id, consumer)
  end
end

if #ids > 0 then
  remove_entries(ids, task_ids)
  for outcome, count in pairs(outcomes) do redis.call('HINCRBY', counts, outcome, count) end
  for field, number in pairs(took) do redis.call('HINCRBY', times, field, string.format('%.0f', number)) end
  redis.call('LPUSH', finished, unpack(records))
  redis.call('LTRIM', finished, 0, most - 1)
end
return answers
