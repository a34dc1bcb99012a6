-- Removes everything that an incarnation held. Idempotent.
-- ARGV: 2 incarnation, 3 '1': only if its lease has run out
-- Answer: 1 when it is gone
local incarnation = ARGV[2]
if ARGV[3] == '1' and is_alive(incarnation) then return 0 end
for _, pair in ipairs(redis.call('SMEMBERS', K.clientsOfPrefix .. incarnation)) do
  local id, client_id = string.match(pair, '^(%S+) (.*)$')
  if id then
    count_out_dead(id, client_id, incarnation)
    -- From now on it may be idle: its viewers are moving to another worker.
    if redis.call('EXISTS', K.spec .. id) == 1 then redis.call('ZADD', K.streamIds, now_ms(), id) end
    show(id)
  end
end
-- What is left counts clients of which Redis has lost everything else.
for _, pair in ipairs(redis.call('HKEYS', K.countersPrefix .. incarnation)) do
  local id, client_id = string.match(pair, '^(%S+) (.*)$')
  if id then
    count_out_dead(id, client_id, incarnation)
    show(id)
  end
end
for _, feed in ipairs(redis.call('SMEMBERS', K.feedsOfPrefix .. incarnation)) do
  disown(feed, incarnation)
end
drop_connections(incarnation)
for _, text in ipairs(redis.call('HVALS', K.workers)) do
  local record = decode(text)
  if record and record.incarnation == incarnation and type(record.workerId) == 'string' then
    redis.call('HDEL', K.workers, record.workerId)
  end
end
for _, name in ipairs(redis.call('HKEYS', K.newest)) do
  if redis.call('HGET', K.newest, name) == incarnation then redis.call('HDEL', K.newest, name) end
end
redis.call('DEL', K.leasePrefix .. incarnation, K.clientsOfPrefix .. incarnation, K.feedsOfPrefix .. incarnation,
  K.countersPrefix .. incarnation, K.commandsPrefix .. incarnation)
redis.call('ZREM', K.loads, incarnation)
local was_member = redis.call('SREM', K.incarnations, incarnation)
-- Also what a worker of a version that does not know these keys has left when it ended another incarnation.
for _, key in ipairs({ K.drains, K.started, K.restores }) do
  for _, each in ipairs(redis.call('HKEYS', key)) do
    if redis.call('SISMEMBER', K.incarnations, each) == 0 then redis.call('HDEL', key, each) end
  end
end
if was_member == 1 then redis.call('INCR', K.members) end
return 1
