-- Makes the stream and its group, if they are not there. From 0: what was sent before counts too. ARGV: lease in ms.
local made = redis.pcall('XGROUP', 'CREATE', stream, GROUP, '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
-- Since when this Redis has leased without losing its data. If it begins now, it may have been emptied, and what is sent
-- again may run still: nothing is handed out before every worker that lives has had the time to say so with a beat.
if redis.call('HSETNX', counts, 'since', string.format('%.0f', now)) == 1 then
  redis.call('SET', settling, 1, 'PX', math.ceil(ARGV[1] / 2))
end
return 1
