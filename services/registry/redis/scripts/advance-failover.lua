-- Moves a stream's source on, if it is still where the caller thinks.
-- ARGV: 2 id, 3 index it stands at, 4 the next state as JSON
-- Answer: the state as JSON, or false without such a stream
local key = K.spec .. ARGV[2]
local text = redis.call('HGET', key, 'failover')
if not text then return false end
local state = decode(text)
-- An unreadable state has no position, so it is replaced.
if state and type(state.index) == 'number' and state.index ~= tonumber(ARGV[3]) then return text end
redis.call('HSET', key, 'failover', ARGV[4])
return ARGV[4]
