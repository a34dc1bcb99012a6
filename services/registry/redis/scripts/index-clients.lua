-- Puts clients of dead incarnations back into the index by which end-incarnation.lua finds them, and gives sessions their counters
-- back. A Redis that is out of memory may drop either. A dead worker does not write it back, and nobody owns a session.
-- ARGV: 2 stream id, or '': only compare
-- Answer: for '': the ids of all watched streams when there are more clients than the index has, or more sessions than counters, else
--         nothing; for a stream: nothing
local id = ARGV[2]
if id == '' then
  -- A worker of an earlier version may have taken the owner of sessions for one.
  redis.call('SREM', K.incarnations, SESSIONS)
  local sessions = redis.call('ZCARD', K.sessions)
  local indexed, found, watched = sessions, 0, {}
  for _, incarnation in ipairs(redis.call('SMEMBERS', K.incarnations)) do
    indexed = indexed + redis.call('SCARD', K.clientsOfPrefix .. incarnation)
  end
  for _, each in ipairs(redis.call('ZRANGE', K.streamIds, 0, -1)) do
    local clients = redis.call('HLEN', K.clients .. each)
    found = found + clients
    if clients > 0 then watched[#watched + 1] = each end
  end
  local is_short = found > indexed or sessions > redis.call('HLEN', K.countersPrefix .. SESSIONS)
  return is_short and watched or {}
end
for _, client_id in ipairs(redis.call('HKEYS', K.clients .. id)) do
  local client = decode(redis.call('HGET', K.clients .. id, client_id))
  local incarnation = client and client.incarnation
  if type(incarnation) ~= 'string' then
    -- An unreadable record belongs to nobody.
    count_out(id, client_id, 'lost')
    show(id)
  elseif incarnation == SESSIONS then
    if not redis.call('ZSCORE', K.sessions, pair_of(id, client_id)) then prolong(id, client_id, UNKNOWN_MS) end
    if client.id == client_id and mend_counters(id, client) then show(id) end
  elseif not is_alive(incarnation) then
    redis.call('SADD', K.clientsOfPrefix .. incarnation, id .. ' ' .. client_id)
    if redis.call('SADD', K.incarnations, incarnation) == 1 then redis.call('INCR', K.members) end
  end
end
return {}
