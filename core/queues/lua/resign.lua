-- KEYS: lease of the scheduler, its beat. ARGV: name.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1], KEYS[2]) end
return 1
