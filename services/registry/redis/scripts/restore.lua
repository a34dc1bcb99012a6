-- Writes back what a worker holds, into a registry that has forgotten it (emptied, or a replica that was behind).
-- ARGV: 2 incarnation, 3 streams [{id, fields}], 4 clients [record with id, slot, incarnation], 5 feeds [{feed, epoch}],
--       6 the worker as JSON {worker, incarnation, address}
-- Answer: JSON [{feed, owner}] of the feeds that a living worker has with a higher epoch
local incarnation, me = ARGV[2], cjson.decode(ARGV[6])
for _, stream in ipairs(cjson.decode(ARGV[3])) do
  if redis.call('EXISTS', K.spec .. stream.id) == 0 then
    for field, value in pairs(stream.fields) do redis.call('HSET', K.spec .. stream.id, field, value) end
    redis.call('ZADD', K.streamIds, now_ms(), stream.id)
  end
end
for _, client in ipairs(cjson.decode(ARGV[4])) do
  local id = client.streamId
  if redis.call('HEXISTS', K.clients .. id, client.id) == 0 then
    client.incarnation = incarnation
    redis.call('HSET', K.clients .. id, client.id, cjson.encode(client))
    redis.call('SADD', K.clientsOfPrefix .. incarnation, id .. ' ' .. client.id)
    if client.slot ~= nil and client.slot ~= cjson.null then redis.call('HINCRBY', K.slots .. id, client.slot, 1) end
    show(id)
  end
end
local lost = {}
for _, mine in ipairs(cjson.decode(ARGV[5])) do
  local key = K.ownerPrefix .. mine.feed
  local stored = redis.call('HMGET', key, 'incarnation', 'worker', 'address', 'epoch')
  if stored[1] and stored[1] ~= incarnation and is_alive(stored[1]) and tonumber(stored[4]) >= mine.epoch then
    lost[#lost + 1] = {
      feed = mine.feed,
      owner = { incarnation = stored[1], workerId = stored[2], address = stored[3], epoch = tonumber(stored[4]) },
    }
  else
    if stored[1] then redis.call('SREM', K.feedsOfPrefix .. stored[1], mine.feed) end
    redis.call('HSET', key, 'incarnation', incarnation, 'worker', me.worker, 'address', me.address,
      'epoch', string.format('%.0f', math.max(mine.epoch, tonumber(stored[4] or 0) + 1)))
    redis.call('SADD', K.feedsOfPrefix .. incarnation, mine.feed)
  end
end
if #lost == 0 then return '[]' end
return cjson.encode(lost)
