-- ARGV: consumer, id. Gives the entry back, if it is the consumer's; returns 1 then.
if not is_mine(ARGV[2], ARGV[1]) then return 0 end
release(ARGV[2])
return 1
