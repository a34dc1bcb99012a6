-- Makes the registry say what a worker holds: after an outage it may have forgotten that (emptied), be behind (a replica), or
-- remember what is no more. The lease has been renewed just before.
-- ARGV: 2 JSON {worker {incarnation, workerId, address}, record as JSON or '', streams [{id, createdAtMs, fields}], clients [record], feeds [{feed,
--       epoch, dead: its owner before, if that is proven dead}], connections [{account, id}], deleted [{id, atMs}]}
-- Answer: JSON {places [{feed, place}]: what is made elsewhere now, or here under another epoch; deleted [stream id]: what was
--         deleted meanwhile}; 'replaced' when a newer incarnation has this worker id
local mine = cjson.decode(ARGV[2])
local me = mine.worker
local incarnation = me.incarnation
if redis.call('HGET', K.newest, me.workerId) ~= incarnation then return 'replaced' end

-- Another Redis process than before: until all have written back, an owner that is not found may still say that it is one.
local server = server_id()
if redis.call('GET', K.server) ~= server then
  redis.call('SET', K.server, server)
  redis.call('SET', K.born, string.format('%.0f', now_ms()))
end

-- Whoever learnt of the others between the renewal and this has missed one.
if mine.record ~= '' and redis.call('HSET', K.workers, me.workerId, mine.record) == 1 then redis.call('INCR', K.members) end

local touched = {}

for _, gone in ipairs(mine.deleted) do
  local created = redis.call('HGET', K.spec .. gone.id, 'createdAtMs')
  if created and tonumber(created) <= gone.atMs then
    delete_stream(gone.id, gone.atMs)
    for _, other in ipairs(redis.call('SMEMBERS', K.incarnations)) do
      if other ~= incarnation then
        redis.call('RPUSH', K.commandsPrefix .. other, cjson.encode({ kind = 'delete', streamId = gone.id }))
      end
    end
  elseif not created then
    redis.call('SET', K.deletedPrefix .. gone.id, string.format('%.0f', gone.atMs), 'PX', 3600000)
  end
end

local deleted, is_deleted = {}, {}
for _, stream in ipairs(mine.streams) do
  local key, id, fields = K.spec .. stream.id, stream.id, stream.fields
  local deleted_at = tonumber(redis.call('GET', K.deletedPrefix .. id) or -1)
  if redis.call('EXISTS', key) == 0 then
    if deleted_at >= stream.createdAtMs then
      deleted[#deleted + 1] = id
      is_deleted[id] = true
    else
      for field, value in pairs(fields) do redis.call('HSET', key, field, value) end
      redis.call('ZADD', K.streamIds, now_ms(), id)
    end
  else
    local stored = redis.call('HMGET', key, 'failover', 'errorCount', 'bytesServed', 'segmentsServed')
    local function moved_at(text) return tonumber(cjson.decode(text).lastAtMs or 0) end
    if moved_at(fields.failover) > moved_at(stored[1]) then redis.call('HSET', key, 'failover', fields.failover) end
    if fields.unshareable == '1' then redis.call('HSET', key, 'unshareable', '1') end
    for at, field in ipairs({ 'errorCount', 'bytesServed', 'segmentsServed' }) do
      if tonumber(fields[field]) > tonumber(stored[at + 1]) then redis.call('HSET', key, field, fields[field]) end
    end
  end
end

local watching = {}
for _, client in ipairs(mine.clients) do watching[client.streamId .. ' ' .. client.id] = true end
for _, pair in ipairs(redis.call('SMEMBERS', K.clientsOfPrefix .. incarnation)) do
  if not watching[pair] then
    local id, client_id = string.match(pair, '^(%S+) (.*)$')
    count_out(id, client_id)
    redis.call('SREM', K.clientsOfPrefix .. incarnation, pair)
    touched[id] = true
  end
end
for _, client in ipairs(mine.clients) do
  local id = client.streamId
  if not is_deleted[id] and redis.call('HEXISTS', K.clients .. id, client.id) == 0 then
    client.incarnation = incarnation
    redis.call('HSET', K.clients .. id, client.id, cjson.encode(client))
    redis.call('SADD', K.clientsOfPrefix .. incarnation, id .. ' ' .. client.id)
    if client.slot then redis.call('HINCRBY', K.slots .. id, client.slot, 1) end
    touched[id] = true
  end
end

local places, making = {}, {}
for _, feed in ipairs(mine.feeds) do making[feed.feed] = true end
for _, feed in ipairs(redis.call('SMEMBERS', K.feedsOfPrefix .. incarnation)) do
  if not making[feed] then
    redis.call('SREM', K.feedsOfPrefix .. incarnation, feed)
    if redis.call('HGET', K.ownerPrefix .. feed, 'incarnation') == incarnation then redis.call('DEL', K.ownerPrefix .. feed) end
  end
end
for _, own in ipairs(mine.feeds) do
  local feed = own.feed
  if not is_deleted[string.match(feed, '^p:(.*):%d+$') or ''] then
    local stored = redis.call('HMGET', K.ownerPrefix .. feed, 'incarnation', 'worker', 'address', 'epoch')
    local epoch = tonumber(stored[4] or 0)
    local other = stored[1] and stored[1] ~= incarnation and stored[1] ~= own.dead and is_alive(stored[1]) and stored[1]
    if other and epoch >= own.epoch then
      local owner = { incarnation = other, workerId = stored[2], address = stored[3], epoch = epoch }
      places[#places + 1] = { feed = feed, place = { kind = 'relay', owner = owner } }
    else
      local next_epoch = math.max(own.epoch, stored[1] == incarnation and epoch or epoch + 1)
      set_owner(feed, me, next_epoch)
      if next_epoch ~= own.epoch then places[#places + 1] = { feed = feed, place = { kind = 'own', epoch = next_epoch } } end
      if other then
        -- It began this feed in the outage, not knowing of us, or is what a replica remembers.
        tell_lost(other, feed)
      end
    end
  end
end

drop_connections(incarnation)
for _, connection in ipairs(mine.connections) do
  redis.call('HSET', K.connectionsPrefix .. connection.account, connection.id, incarnation)
  redis.call('SADD', K.connectionsOfPrefix .. incarnation, connection.account .. ' ' .. connection.id)
end

for id in pairs(touched) do show(id) end
local function array(list) return #list == 0 and '[]' or cjson.encode(list) end
return '{"places":' .. array(places) .. ',"deleted":' .. array(deleted) .. '}'
