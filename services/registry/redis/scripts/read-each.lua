-- Reads many hashes in one step. Changes nothing.
-- ARGV: 2 HGETALL or HVALS, 3 what their keys begin with, then how each goes on
-- Answer: what each has; nothing of one that is no hash
local found = {}
for at = 4, #ARGV do
  local key = ARGV[3] .. ARGV[at]
  local answer = ARGV[2] == 'HVALS' and redis.pcall('HVALS', key) or redis.pcall('HGETALL', key)
  found[at - 3] = answer.err and {} or answer
end
return found
