-- Where a worker and Redis differ: what Redis has lost of what the worker holds, or gives to another one, because a Redis that is out
-- of memory may drop any key; and what Redis counts as the worker's although the worker does not hold it, because a request of a
-- connection that was cut off may arrive after the later ones of the next connection.
-- ARGV: 2 JSON {incarnation, workerId, number: how many times it has written back, streams [id], clients [{streamId, id}],
--       feeds [feed], connections [{account, id}], secrets [{key, value}]}
-- Answer: each difference, as texts that are the same each time
local mine = cjson.decode(ARGV[2])
local missing = {}
local function demand(is_there, ...)
  if is_there ~= 1 then missing[#missing + 1] = table.concat({ ... }, ' ') end
end
demand(redis.call('HEXISTS', K.workers, mine.workerId), 'worker')
-- Without its number an older write-back that comes late would count.
if mine.number > 0 then demand(redis.call('HEXISTS', K.restores, mine.incarnation), 'number') end
if #mine.streams > 0 then demand(redis.call('EXISTS', K.summary), 'summary') end
demand(redis.call('HLEN', K.countersPrefix .. mine.incarnation) == #mine.clients and 1, 'counters')
for _, id in ipairs(mine.streams) do
  demand(redis.call('EXISTS', K.spec .. id), 'stream', id)
  demand(redis.call('ZSCORE', K.streamIds, id) and 1, 'listed', id)
  local group = group_of(id)
  if group then demand(redis.call('HEXISTS', K.groupPrefix .. group, id), 'grouped', id) end
end
local watched = {}
for _, client in ipairs(mine.clients) do
  local id = client.streamId
  watched[id] = true
  demand(redis.call('HEXISTS', K.clients .. id, client.id), 'client', id, client.id)
  demand(redis.call('SISMEMBER', K.clientsOfPrefix .. mine.incarnation, id .. ' ' .. client.id), 'own client', id, client.id)
  if client.slot then demand(redis.call('HEXISTS', K.slots .. id, client.slot), 'slot', id) end
end
for id in pairs(watched) do demand(redis.call('EXISTS', K.stream .. id), 'shown', id) end
for _, feed in ipairs(mine.feeds) do
  -- Also where another worker is said to make the feed: the two do not know of each other.
  demand(redis.call('HGET', K.ownerPrefix .. feed, 'incarnation') == mine.incarnation and 1, 'owner', feed)
  demand(redis.call('SISMEMBER', K.feedsOfPrefix .. mine.incarnation, feed), 'own feed', feed)
end
for _, connection in ipairs(mine.connections) do
  local pair = connection.account .. ' ' .. connection.id
  demand(redis.call('HEXISTS', K.connectionsPrefix .. connection.account, connection.id), 'connection', pair)
  demand(redis.call('SISMEMBER', K.connectionsOfPrefix .. mine.incarnation, pair), 'own connection', pair)
end
local held = {}
for _, feed in ipairs(mine.feeds) do held[feed] = true end
for _, connection in ipairs(mine.connections) do held[connection.account .. ' ' .. connection.id] = true end
for what, prefix in pairs({ feed = K.feedsOfPrefix, connection = K.connectionsOfPrefix }) do
  for _, name in ipairs(redis.call('SMEMBERS', prefix .. mine.incarnation)) do
    -- Whoever asks for a feed that nobody makes would be sent here.
    local is_coming = what == 'feed' and is_being_handed(name, mine.incarnation)
    demand((held[name] or is_coming) and 1, 'not held', what, name)
  end
end
-- Not its value, which appears in logs.
for _, secret in ipairs(mine.secrets) do
  demand(redis.call('GET', secret.key) == secret.value and 1, 'secret', secret.key)
end
return missing
