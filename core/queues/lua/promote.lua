-- ARGV: how many at most, consumer. Moves what is due into the stream.
-- Returns {ms until the next one is due or -1, 1 if nothing is handed out now, task ids that a person wants stopped}.
-- Whoever asks is alive: no job has killed it, not even one of which it does not know that it was handed to it.
local others = redis.call('HGETALL', vanished)
for i = 1, #others, 2 do
  if string.find(' ' .. others[i + 1] .. ' ', ' ' .. ARGV[2] .. ' ', 1, true) then acquit(others[i], ARGV[2]) end
end
for _, task_id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local message = redis.call('HGET', bodies, task_id)
  if message then redis.call('HSET', places, task_id, redis.call('XADD', stream, '*', 'data', message)) end
  redis.call('ZREM', delayed, task_id)
  redis.call('HDEL', bodies, task_id)
end
local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
local wait = first[2] and math.max(math.ceil(tonumber(first[2]) - now), 0) or -1
return {wait, is_held_back() and 1 or 0, redis.call('SMEMBERS', cancels)}
