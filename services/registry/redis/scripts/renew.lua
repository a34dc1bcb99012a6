-- Renews an incarnation's lease, stores its numbers, and returns the commands that wait for it.
-- ARGV: 2 incarnation, 3 worker id, 4 lease in ms, 5 processes, 6 'free' | 'busy' | 'full' (see placement.lua), 7 worker record as JSON or '',
--       8 client counters as JSON or ''
-- Answer: {1 when the lease had not run out, how many clients it has, how often members have changed, command, …};
-- 'replaced' when a newer incarnation that lives has this worker id
local incarnation, worker = ARGV[2], ARGV[3]
local newest = redis.call('HGET', K.newest, worker)
if newest and newest ~= incarnation and is_alive(newest) then return 'replaced' end
local now = string.format('%.0f', now_ms())
if redis.call('SET', K.born, now, 'NX') or redis.call('EXISTS', K.server) == 0 then
  redis.call('SET', K.server, server_id())
end
-- No number of an earlier registry can repeat, because that one counted on from its own time.
redis.call('SET', K.members, now .. '000', 'NX')
local unbroken = redis.call('EXISTS', K.leasePrefix .. incarnation)
redis.call('SET', K.leasePrefix .. incarnation, worker, 'PX', ARGV[4])
if redis.call('SADD', K.incarnations, incarnation) == 1 then redis.call('INCR', K.members) end
redis.call('HSET', K.newest, worker, incarnation)
set_load(incarnation, ARGV[5], ARGV[6])
if ARGV[7] ~= '' then redis.call('HSET', K.workers, worker, ARGV[7]) end
if ARGV[8] ~= '' then redis.call('SET', K.countersPrefix .. incarnation, ARGV[8]) end
local answer = redis.call('LRANGE', K.commandsPrefix .. incarnation, 0, -1)
if #answer > 0 then redis.call('DEL', K.commandsPrefix .. incarnation) end
table.insert(answer, 1, unbroken)
table.insert(answer, 2, redis.call('SCARD', K.clientsOfPrefix .. incarnation))
table.insert(answer, 3, redis.call('GET', K.members) or '0')
return answer
