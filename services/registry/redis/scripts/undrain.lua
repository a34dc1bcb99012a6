-- Lets a worker that was told to drain take viewers again.
-- ARGV: 2 worker id, 3 when it is too late for an order, in ms of Redis' clock
-- Answer: 'sent'; 'taking' when it takes viewers already; 'deployment' when it leaves for another deployment; 'stopping' when it ends;
--         'unknown' without such a worker; 'gone' when its lease has run out;
--         'no_answer' when it is too late: the caller has been told so
if now_ms() > tonumber(ARGV[3]) then return 'no_answer' end
local worker = ARGV[2]
local incarnation = redis.call('HGET', K.newest, worker)
if not incarnation then return redis.call('HEXISTS', K.workers, worker) == 1 and 'gone' or 'unknown' end
if not is_alive(incarnation) then return 'gone' end
local reason = drain_of(incarnation, worker_of(incarnation))
if reason and reason ~= 'told' then return reason end
-- Sent even if it takes viewers already: an answer with an earlier command may have been lost.
redis.call('HSET', K.drains, incarnation, 'back')
redis.call('RPUSH', K.commandsPrefix .. incarnation, cjson.encode({ kind = 'undrain' }))
return reason and 'sent' or 'taking'
