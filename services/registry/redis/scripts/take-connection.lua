-- Takes one of the connections that a provider account allows. Connections of workers with an expired lease do not count.
-- ARGV: 2 account, 3 connection, 4 incarnation, 5 how many the account allows
-- Answer: 1 when one was left
local key = K.connectionsPrefix .. ARGV[2]
local used = 0
local flat = redis.call('HGETALL', key)
for at = 1, #flat, 2 do
  if is_alive(flat[at + 1]) then used = used + 1 else redis.call('HDEL', key, flat[at]) end
end
if used >= tonumber(ARGV[5]) then return 0 end
redis.call('HSET', key, ARGV[3], ARGV[4])
redis.call('SADD', K.connectionsOfPrefix .. ARGV[4], ARGV[2] .. ' ' .. ARGV[3])
return 1
