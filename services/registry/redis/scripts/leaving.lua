-- How clients and streams go. Runs before every script, after groups.lua.

-- An incarnation that was taken for dead may write its clients back for this long.
local REMEMBERED_MS = 3600000

-- Counts a client out; returns how many its slot has left, and the text of its counters, if Redis has them.
-- reason: why it has left; got: {bytes, segments} that it has got, if the caller knows that better than its counters
local function count_out(id, client_id, reason, got)
  local text = redis.call('HGET', K.clients .. id, client_id)
  if not text then return 0 end
  redis.call('HDEL', K.clients .. id, client_id)
  local client = decode(text) or {}
  local counters
  if type(client.incarnation) == 'string' then
    if client.incarnation == SESSIONS then redis.call('ZREM', K.sessions, pair_of(id, client_id))
    else redis.call('SREM', K.clientsOfPrefix .. client.incarnation, pair_of(id, client_id)) end
    counters = drop_counters(client.incarnation, id, client_id)
  end
  local bytes, segments = counters_in(counters)
  if got then bytes, segments = got[1], got[2] end
  tell_disconnected(id, client_id, client, bytes, segments, reason)
  note_left(id)
  if type(client.slot) ~= 'number' then return 0, counters end
  local left = count_in(K.slots .. id, client.slot, -1)
  if left <= 0 then redis.call('HDEL', K.slots .. id, client.slot) end
  return math.max(left, 0), counters
end

-- Adds to what viewers who have left got of a stream.
local function credit(id, bytes, segments)
  if redis.call('EXISTS', K.spec .. id) == 0 then return end
  for field, more in pairs({ bytesServed = bytes, segmentsServed = segments }) do
    -- Not 0, whose negative is no number to Redis.
    if tonumber(more) ~= 0 and count_in(K.spec .. id, field, string.format('%.0f', more)) < 0 then
      redis.call('HSET', K.spec .. id, field, 0)
    end
  end
end

-- Counts a client of a dead incarnation out. What it got stays with the stream.
local function count_out_dead(id, client_id, incarnation)
  local is_lost = redis.call('HEXISTS', K.clients .. id, client_id) == 0
  redis.call('SET', K.endedPrefix .. incarnation, '1', 'PX', REMEMBERED_MS)
  local _, counters = count_out(id, client_id, 'worker_died')
  -- Its record does not tell any more which slot counts it.
  if is_lost then recount(id) end
  -- Redis may have lost its record alone.
  counters = counters or drop_counters(incarnation, id, client_id)
  local bytes, segments = counters_in(counters)
  if not bytes or bytes + segments == 0 then return end
  credit(id, bytes, segments)
  redis.call('HSET', K.creditedPrefix .. incarnation, pair_of(id, client_id), counters)
  redis.call('PEXPIRE', K.creditedPrefix .. incarnation, REMEMBERED_MS)
end

-- A client that was counted out as dead lives: what its stream was credited with counts with the client again.
local function take_back(id, client_id, incarnation)
  local key, pair = K.creditedPrefix .. incarnation, pair_of(id, client_id)
  local bytes, segments = counters_in(redis.call('HGET', key, pair))
  if not bytes then return end
  redis.call('HDEL', key, pair)
  credit(id, -bytes, -segments)
end

-- A client and when it connected, as one text.
local function connection_of(id, client_id, client)
  return string.format('%s %.0f', pair_of(id, client_id), number_of(client.connectedAtMs, 0))
end

-- Remembers that a client's end is told with its stream's: its worker may write it back before it knows that.
local function note_end(id, client_id)
  local client = decode(redis.call('HGET', K.clients .. id, client_id))
  if not client or type(client.incarnation) ~= 'string' then return end
  local key, now = K.endedClientsPrefix .. client.incarnation, now_ms()
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - REMEMBERED_MS))
  redis.call('ZADD', key, now, connection_of(id, client_id, client))
  redis.call('PEXPIRE', key, REMEMBERED_MS)
end

-- Removes a stream with its clients and slots. The workers that make its feeds give them up as they end them. For an hour, a worker
-- that missed this cannot write it back.
-- reason: why, as stream_stopped says it
local function delete_stream(id, at_ms, reason)
  for _, client_id in ipairs(sorted(redis.call('HKEYS', K.clients .. id))) do
    note_end(id, client_id)
    count_out(id, client_id, reason)
  end
  end_playing(id, reason)
  leave_group(id)
  local existed = redis.call('DEL', K.spec .. id)
  redis.call('SET', K.deletedPrefix .. id, string.format('%.0f', at_ms), 'PX', REMEMBERED_MS)
  redis.call('ZREM', K.streamIds, id)
  redis.call('DEL', K.slots .. id, K.clients .. id, K.stream .. id, K.agreedPrefix .. id)
  redis.call('HDEL', K.summary, id, current_field(id))
  return existed
end

-- Removes a stream without viewers. A worker that was away and has viewers of it may write it back.
local function forget_stream(id, at_ms)
  local existed = delete_stream(id, at_ms, 'inactive_timeout')
  redis.call('SET', K.deletedPrefix .. id, string.format('%.0f idle', at_ms), 'PX', REMEMBERED_MS)
  return existed
end
