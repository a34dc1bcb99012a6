-- Writes the summary of streams anew from their records: Redis may have lost it, and a worker of an earlier version does not keep it.
-- ARGV: 2 '1': also where it is there, what the current viewers have got; 3, 4, … stream ids; of those that do not exist it removes
--       the summary
-- Answer: how many viewers it has counted anew
local counted = 0
for at = 3, #ARGV do
  local id = ARGV[at]
  show(id)
  -- Redis may have lost that its last viewer has left.
  note_left(id)
  local is_known = sums_in(redis.call('HGET', K.summary, current_field(id)))
  if redis.call('HEXISTS', K.summary, id) == 1 and (ARGV[2] == '1' or not is_known) then
    recount_current(id)
    counted = counted + redis.call('HLEN', K.clients .. id)
  end
end
return counted
