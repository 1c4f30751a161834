-- KEYS: names of workers, this one's beat, names of those to recycle.
-- ARGV: name, now in s, beat, its lifetime in ms, age in s from which names are dropped. Returns 1 to be recycled.
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[5])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return redis.call('SREM', KEYS[3], ARGV[1])
