-- ARGV: job keys. Returns for each where the job is that holds it: 'waiting', 'delayed', 'running', or '' if none does.
local found = {}
for at, job_key in ipairs(ARGV) do
  local holder = redis.call('HGET', keys, job_key)
  found[at] = holder and state_of(holder) or ''
end
return found
