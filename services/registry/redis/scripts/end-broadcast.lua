-- A broadcast is to end. Its owner ends it.
-- ARGV: 2 id
-- Answer: 1 when there is one
local programme, _, order = broadcast_of(ARGV[2])
if not programme then return 0 end
redis.call('HSET', K.broadcasts, ARGV[2], string.format('%.0f 1 %s', programme, order))
return 1
