-- KEYS: lease of the scheduler, its beat. ARGV: name, lease in ms, beat, its lifetime in ms.
-- Returns 'kept' if `name` led already, 'taken' if nobody did, else 'other'.
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 'other' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return leader and 'kept' or 'taken'
