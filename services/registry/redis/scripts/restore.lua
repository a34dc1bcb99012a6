-- Makes the registry hold exactly what a worker holds. After an outage it may have forgotten that (emptied), be behind (a
-- replica), or remember too much. The worker has just renewed its lease.
-- ARGV: 2 JSON {worker {incarnation, workerId, address}, record as JSON or '', streams [{id, createdAtMs, lastAccessMs, fields}], clients [record with told: Redis knew of it; of a session with lastsMs: how long it lasts], feeds [{feed,
--       epoch, dead: the previous owner, if that is proven dead}], connections [{account, id}], deleted [{id, atMs}],
--       givenUp {feeds [feed], clients [{streamId, clientId, connectedAtMs}], connections [{account, id}]}: what it could not say}
--       only: 'streams', to write nothing else back; number: the next time has a larger one. Earlier versions have none}
-- Answer: JSON {places [{feed, place}]: feeds now made elsewhere, or here under another epoch; deleted [stream id]: streams
--         deleted meanwhile; switched [stream id]: streams that have moved to another source meanwhile; renamed [{streamId, clientId, connectedAtMs, newId}]: clients whose id another connection got while
--         this worker was taken for dead}; 'late' when the worker has written back again since; 'replaced' when a newer incarnation that lives has this worker id
local mine = cjson.decode(ARGV[2])
local me = mine.worker
local incarnation = me.incarnation
local newest = redis.call('HGET', K.newest, me.workerId)
if newest and newest ~= incarnation and is_alive(newest) then return 'replaced' end

-- A connection that was cut off may get its requests here after those of the connection that has replaced it.
if mine.number then
  if number_of(redis.call('HGET', K.restores, incarnation), 0) > mine.number then return 'late' end
  redis.call('HSET', K.restores, incarnation, mine.number)
end

-- Another Redis process than before: until all workers have written back, a missing owner may still exist.
local server = server_id()
if redis.call('GET', K.server) ~= server then
  redis.call('SET', K.server, server)
  redis.call('SET', K.born, string.format('%.0f', now_ms()))
end

-- A worker that read its peers between the renewal and this call has missed one.
if mine.record ~= '' and redis.call('HSET', K.workers, me.workerId, mine.record) == 1 then redis.call('INCR', K.members) end

is_after_outage = true
local touched = {}

for _, gone in ipairs(mine.deleted) do
  local created = redis.call('HGET', K.spec .. gone.id, 'createdAtMs')
  if created and number_of(created, 0) <= gone.atMs then
    delete_stream(gone.id, gone.atMs, 'manual_deletion')
    for _, other in ipairs(redis.call('SMEMBERS', K.incarnations)) do
      if other ~= incarnation then
        redis.call('RPUSH', K.commandsPrefix .. other, cjson.encode({ kind = 'delete', streamId = gone.id }))
      end
    end
  elseif not created then
    redis.call('SET', K.deletedPrefix .. gone.id, string.format('%.0f', gone.atMs), 'PX', 3600000)
  end
end

local watched_here = {}
for _, client in ipairs(mine.clients or {}) do watched_here[client.streamId] = true end

local deleted, is_deleted = {}, {}
local written = {}
-- Where the groups of streams played whose record is now this worker's; and the streams that others have created anew.
local played, is_theirs = {}, {}
-- By how much the worker knows better what viewers who have left got, by stream.
local raised = {}
local switched = {}
-- Whether somebody on another worker watches a stream of the group.
local function is_played_elsewhere(id)
  for _, member in ipairs(members_of(id)) do
    if is_watched(member, incarnation) then return true end
  end
  return false
end
-- Whether a record is complete; if a field is wrong, all of them are written again.
local function is_whole(key)
  local fields = redis.call('HMGET', key, 'spec', 'failover', 'createdAtMs')
  return decode(fields[1]) and decode(fields[2]) and tonumber(fields[3])
end
local function put_own(stream)
  local id = stream.id
  local group, state = group_of(id), settle(id)
  put_stream(id, stream.fields, stream.lastAccessMs)
  written[id] = true
  local now_in = group_of(id)
  -- With its only stream the group has gone for a moment.
  if now_in then played[id] = now_in == group and state or redis.call('HGET', K.groupPrefix .. now_in, STATE) end
end
for _, stream in ipairs(mine.streams) do
  local key, id, fields = K.spec .. stream.id, stream.id, stream.fields
  local deleted_at, was_idle = deletion_of(id)
  if not is_whole(key) then
    if deleted_at >= stream.createdAtMs and not (was_idle and watched_here[id]) then
      deleted[#deleted + 1] = id
      is_deleted[id] = true
    else
      put_own(stream)
    end
  elseif redis.call('HGET', key, 'createdAtMs') ~= fields.createdAtMs then
    -- The stream was created anew, here or there: the version with viewers counts, else the newest one.
    local theirs = tonumber(redis.call('HGET', key, 'createdAtMs'))
    local newer = theirs < stream.createdAtMs
    if (newer or watched_here[id]) and not is_watched(id, incarnation) then
      put_own(stream)
    else
      is_theirs[id] = true
    end
  else
    redis.call('ZADD', K.streamIds, 'GT', stream.lastAccessMs, id)
    local stored = redis.call('HMGET', key, 'errorCount', 'bytesServed', 'segmentsServed')
    if fields.watched == '1' and redis.call('HGET', key, 'watched') ~= '1' then
      redis.call('HSET', key, 'watched', '1')
      written[id] = true
    end
    if redis.call('HEXISTS', K.summary, id) == 0 then written[id] = true end
    if fields.unshareable == '1' then redis.call('HSET', key, 'unshareable', '1') end
    if (fields.dashUrl or '') ~= '' then redis.call('HSET', key, 'dashUrl', fields.dashUrl) end
    for at, field in ipairs({ 'errorCount', 'bytesServed', 'segmentsServed' }) do
      if tonumber(fields[field]) > number_of(stored[at], -1) then
        redis.call('HSET', key, field, fields[field])
        raised[id .. field] = tonumber(fields[field]) - number_of(stored[at], 0)
        written[id] = true
      end
    end
  end
end

-- Where a stream's group plays: of what Redis has and what this worker says, that counts which moved last. But a worker that could not
-- ask may have put the group back to its primary source, although viewers elsewhere play another one. Those stay there. What they play
-- then gets a later time than the worker's own: it would take the old one for out of date, and play another source for good.
local function settle_with(id, said)
  local known = played[id] or settle(id)
  if moved_at(said) <= moved_at(known) then
    if played[id] then put_state(id, known) end
    return
  end
  local theirs = decode(known)
  local is_begun = theirs and theirs.index ~= -1 and cjson.decode(said).index == -1
  if theirs and (is_theirs[id] or (is_begun and is_played_elsewhere(id))) then
    theirs.begunAtMs = moved_at(said) + 1
    said = cjson.encode(theirs)
    theirs = nil
  end
  put_state(id, said)
  local state = cjson.decode(said)
  if not theirs or (theirs.index == state.index and theirs.currentUrl == state.currentUrl) then return end
  -- Others may have written back already, where they took it to be until then.
  for _, other in ipairs(redis.call('SMEMBERS', K.incarnations)) do
    if other ~= incarnation then
      redis.call('RPUSH', K.commandsPrefix .. other, cjson.encode({ kind = 'failover', streamId = id }))
    end
  end
end

-- After all of them: one of a group may know of a move that the others have missed.
for _, stream in ipairs(mine.streams) do
  if not is_deleted[stream.id] then settle_with(stream.id, stream.fields.failover) end
end
for _, stream in ipairs(mine.streams) do
  local stored = not is_deleted[stream.id] and redis.call('HGET', K.spec .. stream.id, 'failover')
  if stored and moved_at(stream.fields.failover) < moved_at(stored) then switched[#switched + 1] = stream.id end
end

for id in pairs(written) do show(id) end

local function array(list) return #list == 0 and '[]' or cjson.encode(list) end
local about_streams = '{"deleted":' .. array(deleted) .. ',"switched":' .. array(switched)
if mine.only == 'streams' then return about_streams .. '}' end

-- What the clients had got who have left while the worker could not say so, by stream.
local owed = {}
local function owe(id, counters)
  local bytes, segments = counters_in(counters)
  if not bytes then return end
  local sum = owed[id] or { 0, 0 }
  owed[id] = { sum[1] + bytes, sum[2] + segments }
end

local watching = {}
for _, client in ipairs(mine.clients) do watching[client.streamId .. ' ' .. client.id] = true end
for _, pair in ipairs(sorted(redis.call('SMEMBERS', K.clientsOfPrefix .. incarnation))) do
  if not watching[pair] then
    local id, client_id = string.match(pair, '^(%S+) (.*)$')
    redis.call('SREM', K.clientsOfPrefix .. incarnation, pair)
    if id then
      local _, counters = count_out(id, client_id, 'left')
      owe(id, counters)
      touched[id] = true
    end
  end
end
-- Redis may have lost everything of a client but its counters.
for _, pair in ipairs(redis.call('HKEYS', K.countersPrefix .. incarnation)) do
  local id, client_id = string.match(pair, '^(%S+) (.*)$')
  if id and not watching[pair] then
    owe(id, drop_counters(incarnation, id, client_id))
    touched[id] = true
  end
end
-- The lists of what it held may be lost: what it knows to have given up goes by name.
local given_up = mine.givenUp or { feeds = {}, clients = {}, connections = {} }
for _, gone in ipairs(given_up.clients) do
  local id, client_id = gone.streamId, gone.clientId
  local client = decode(redis.call('HGET', K.clients .. id, client_id))
  if client and client.incarnation == incarnation and client.connectedAtMs == gone.connectedAtMs and not watching[pair_of(id, client_id)] then
    local _, counters = count_out(id, client_id, 'left')
    owe(id, counters)
    touched[id] = true
  elseif not client then
    -- The slot may count it although its record is lost.
    touched[id] = true
  end
end
for id, sum in pairs(owed) do
  credit(id, math.max(sum[1] - (raised[id .. 'bytesServed'] or 0), 0), math.max(sum[2] - (raised[id .. 'segmentsServed'] or 0), 0))
end
-- A viewer that Redis has lost is no new one, unless it was counted out: as dead, or with its stream.
local was_ended = redis.call('EXISTS', K.endedPrefix .. incarnation) == 1
local function is_told(id, client, holder, is_counted_out)
  local has_ended = redis.call('ZREM', K.endedClientsPrefix .. holder, connection_of(id, client.id, client)) == 1
  return client.told and not is_counted_out and not has_ended
end
local function note_viewer(id, client, is_known)
  begin_playing(id, client, is_known)
  if not is_known then tell_connected(id, client, number_of(client.connectedAtMs)) end
end
local renamed = {}
-- A session that others serve too may be there already; then this worker joins it.
local function restore_session(id, client)
  local held_id, lasts, is_known = client.id, client.lastsMs, is_told(id, client, SESSIONS, false)
  client.lastsMs, client.told = nil, nil
  local there, free = session_among(id, session_ids(held_id))
  client.id = there and there.id or free or held_id
  if client.id ~= held_id then
    renamed[#renamed + 1] = { streamId = id, clientId = held_id, connectedAtMs = client.connectedAtMs, newId = client.id }
  end
  if there then
    mend_counters(id, there)
  else
    client.incarnation = SESSIONS
    redis.call('HSET', K.clients .. id, client.id, cjson.encode(client))
    begin_counting(SESSIONS, id, client)
    note_viewer(id, client, is_known)
  end
  prolong(id, client.id, lasts)
  touched[id] = true
end
for _, client in ipairs(mine.clients) do
  local id = client.streamId
  if client.session then
    -- One that is over needs nobody.
    if not is_deleted[id] and client.lastsMs > 0 then restore_session(id, client) end
  elseif not is_deleted[id] then
    local held_id, is_known = client.id, is_told(id, client, incarnation, was_ended)
    client.told = nil
    local stored = decode(redis.call('HGET', K.clients .. id, client.id))
    if stored and type(stored.incarnation) == 'string' and stored.incarnation ~= incarnation then
      local new_id = string.format('%s_%.0f_%s', client.id, client.connectedAtMs, string.sub(incarnation, 1, 8))
      renamed[#renamed + 1] =
        { streamId = id, clientId = client.id, connectedAtMs = client.connectedAtMs, newId = new_id }
      client.id = new_id
      if redis.call('HEXISTS', K.countersPrefix .. incarnation, pair_of(id, held_id)) == 1 then drop_counters(incarnation, id, held_id) end
      stored = decode(redis.call('HGET', K.clients .. id, new_id))
    end
    if not stored or type(stored.incarnation) ~= 'string' then
      client.incarnation = incarnation
      redis.call('HSET', K.clients .. id, client.id, cjson.encode(client))
      take_back(id, held_id, incarnation)
      begin_counting(incarnation, id, client)
      note_viewer(id, client, is_known)
    elseif not counters_in(redis.call('HGET', K.countersPrefix .. incarnation, pair_of(id, client.id))) then
      put_counters(incarnation, id, client)
      -- Below the sum is made anew: it may have what the lost counters said, or not.
      redis.call('HDEL', K.summary, current_field(id))
    end
    redis.call('SADD', K.clientsOfPrefix .. incarnation, id .. ' ' .. client.id)
    -- Redis may have lost that it plays.
    begin_playing(id, client, true)
    touched[id] = true
  end
end
redis.call('DEL', K.endedPrefix .. incarnation, K.endedClientsPrefix .. incarnation)
-- Counts anew from the client records: the counts may have been lost, and so may records.
for id in pairs(touched) do
  recount(id)
  if not sums_in(redis.call('HGET', K.summary, current_field(id))) then recount_current(id) end
end

local places, making = {}, {}
for _, feed in ipairs(mine.feeds) do making[feed.feed] = true end
for _, feed in ipairs(redis.call('SMEMBERS', K.feedsOfPrefix .. incarnation)) do
  if not making[feed] and not is_being_handed(feed, incarnation) then
    redis.call('SREM', K.feedsOfPrefix .. incarnation, feed)
    disown(feed, incarnation)
  end
end
for _, feed in ipairs(given_up.feeds) do
  if not making[feed] then
    redis.call('SREM', K.feedsOfPrefix .. incarnation, feed)
    disown(feed, incarnation)
  end
end
for _, own in ipairs(mine.feeds) do
  local feed = own.feed
  if not is_deleted[stream_and_slot(feed) or ''] then
    local owner = owner_of(feed)
    local stored = redis.call('HMGET', K.ownerPrefix .. feed, 'incarnation', 'epoch')
    local epoch = number_of(stored[2], 0)
    local other = owner and owner.incarnation
    if other == incarnation or other == own.dead or not (other and is_alive(other)) then other = nil end
    if other and epoch >= own.epoch then
      owner.epoch = epoch
      places[#places + 1] = { feed = feed, place = { kind = 'relay', owner = owner } }
    else
      -- One that was begun without Redis (epoch 0) gets 1 over a lost record: less than any that was granted, whose worker may come yet.
      local next_epoch = math.max(own.epoch, stored[1] == incarnation and epoch or epoch + 1)
      set_owner(feed, me, next_epoch)
      if next_epoch ~= own.epoch then places[#places + 1] = { feed = feed, place = { kind = 'own', epoch = next_epoch } } end
      if other then
        -- The other worker began this feed during the outage without knowing of us, or a replica remembers it.
        tell_lost(other, feed)
      end
    end
  end
end

drop_connections(incarnation)
for _, gone in ipairs(given_up.connections) do
  local key = K.connectionsPrefix .. gone.account
  if redis.call('HGET', key, gone.id) == incarnation then redis.call('HDEL', key, gone.id) end
end
for _, connection in ipairs(mine.connections) do
  redis.call('HSET', K.connectionsPrefix .. connection.account, connection.id, incarnation)
  redis.call('SADD', K.connectionsOfPrefix .. incarnation, connection.account .. ' ' .. connection.id)
end

for id in pairs(touched) do show(id) end
return about_streams .. ',"places":' .. array(places) .. ',"renamed":' .. array(renamed) .. '}'
