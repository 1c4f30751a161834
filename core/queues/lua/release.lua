-- ARGV: consumer, then of each entry: id, deliveries to count. Gives back what the consumer holds; returns how many.
local released = 0
for i = 2, #ARGV, 2 do
  if is_mine(ARGV[i], ARGV[1]) then
    release(ARGV[i], ARGV[i + 1])
    released = released + 1
  end
end
return released
