-- Removes a stream with its clients, slots and feeds.
-- ARGV: 2 id
-- Answer: 1 when there was one
local id = ARGV[2]
local existed = redis.call('DEL', K.spec .. id)
redis.call('ZREM', K.streamIds, id)
for _, client_id in ipairs(redis.call('HKEYS', K.clients .. id)) do count_out(id, client_id) end
for _, slot in ipairs(redis.call('HKEYS', K.slots .. id)) do
  local feed = 'p:' .. id .. ':' .. slot
  local incarnation = redis.call('HGET', K.ownerPrefix .. feed, 'incarnation')
  if incarnation then redis.call('SREM', K.feedsOfPrefix .. incarnation, feed) end
  redis.call('DEL', K.ownerPrefix .. feed)
end
redis.call('DEL', K.slots .. id, K.clients .. id, K.stream .. id)
return existed
