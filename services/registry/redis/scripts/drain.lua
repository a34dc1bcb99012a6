-- Lets a worker drain, unless it is the last that takes viewers.
-- ARGV: 2 worker id, 3 its incarnation when the worker itself asks, else '', 4 why: 'told' | 'deployment', 5 '1': the last one too,
--       6 when it is too late for an order, in ms of Redis' clock, or ''
-- Answer: 'begun'; 'draining' when it drains already; 'last'; 'unknown' without such a worker; 'gone' when its lease has run out;
--         'no_answer' when it is too late: the caller has been told so
if ARGV[6] ~= '' and now_ms() > tonumber(ARGV[6]) then return 'no_answer' end
local worker, incarnation, reason = ARGV[2], ARGV[3], ARGV[4]
if incarnation == '' then
  incarnation = redis.call('HGET', K.newest, worker)
  if not incarnation then return redis.call('HEXISTS', K.workers, worker) == 1 and 'gone' or 'unknown' end
end
if not is_alive(incarnation) then return 'gone' end
local before = redis.call('HGET', K.drains, incarnation)
if before == 'stopping' or before == 'deployment' or before == reason and reason ~= 'told' then return 'draining' end
if not before and drain_of(incarnation, worker_of(incarnation)) then before = 'told' end
if before ~= 'told' and ARGV[5] ~= '1' and not takes_viewers(incarnation) then return 'last' end
-- Told again is sent again: an answer with the first command may have been lost.
if before == 'told' then redis.call('HSET', K.drains, incarnation, 'told') else begin_drain(incarnation, worker, reason) end
if reason == 'told' then redis.call('RPUSH', K.commandsPrefix .. incarnation, cjson.encode({ kind = 'drain' })) end
return before == 'told' and 'draining' or 'begun'
