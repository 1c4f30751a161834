-- KEYS: names of workers, this one's beat, names of those to recycle, names of those that are drained.
-- ARGV: name, beat, its lifetime in ms, the silence in s after which a name is dropped.
-- Returns {1 to be recycled, 1 to take no jobs}.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[4]))) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('SREM', KEYS[3], gone)
  redis.call('SREM', KEYS[4], gone)
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {redis.call('SREM', KEYS[3], ARGV[1]), redis.call('SISMEMBER', KEYS[4], ARGV[1])}
