-- The record of what happened: two Redis Streams, which every script may add to, so that there is never a change without its event.
-- Runs before every script, after prelude.lua. K.events has what happens to workers and streams; K.clientEvents has what happens to
-- viewers, so that many of them do not push the rest out. K.eventCounts has how many there were of each type, in the field 'type <type>'.
-- An entry has the fields
--   n       its number in its Redis Stream: who reads finds out how many have been dropped
--   type    as in event.ts
--   data    JSON
--   stream  id of the stream, where it is about one
--   about, sources   JSON of the stream's record: what events say of it; `sources` only when it begins
--   at      when it happened, in ms, if that is not when it was written
--   late    '1': written after an outage

-- So many are kept in each.
local EVENTS_KEPT = 10000

-- Set by a script that writes what happened during an outage.
local is_after_outage = false

-- The id of the next entry of either Redis Stream: '<ms>-<count>', so that all events have one order.
local function next_event_id()
  local now = math.max(now_ms(), number_of(redis.call('HGET', K.eventCounts, 'ms'), 0))
  redis.call('HSET', K.eventCounts, 'ms', string.format('%.0f', now))
  return string.format('%.0f-%.0f', now, count_in(K.eventCounts, 'order', 1))
end

-- Redis may lose the counts. Then they go on behind the newest entry.
local function count_from(key)
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local ms, order = string.match(newest and newest[1] or '0-0', '^(%d+).(%d+)$')
  redis.call('HSET', K.eventCounts, 'ms', ms, 'order', order)
end

local function write_event(key, kind, data, more)
  count_in(K.eventCounts, 'type ' .. kind, 1)
  local entry = { 'n', count_in(K.eventCounts, key, 1), 'type', kind, 'data', cjson.encode(data) }
  for _, each in ipairs(more or {}) do entry[#entry + 1] = each end
  if is_after_outage then entry[#entry + 1], entry[#entry + 2] = 'late', '1' end
  if type(redis.pcall('XADD', key, 'MAXLEN', '~', EVENTS_KEPT, next_event_id(), unpack(entry))) == 'string' then return end
  count_from(key)
  redis.call('XADD', key, 'MAXLEN', '~', EVENTS_KEPT, next_event_id(), unpack(entry))
end

-- What the record of a stream gives an event about it.
local function about_stream(id, has_sources)
  local stored = redis.call('HMGET', K.spec .. id, 'about', has_sources and 'sources' or 'about')
  local more = { 'stream', id }
  if stored[1] then more[3], more[4] = 'about', stored[1] end
  if has_sources and stored[2] then more[#more + 1], more[#more + 2] = 'sources', stored[2] end
  return more
end

-- Something happens to a viewer.
local function tell_of_client(type, id, data, at)
  local more = about_stream(id)
  if at then more[#more + 1], more[#more + 2] = 'at', string.format('%.0f', at) end
  write_event(K.clientEvents, type, data, more)
end

-- Something happens to a stream.
local function tell_of_stream(type, id, data)
  write_event(K.events, type, data, about_stream(id, type == 'stream_started'))
end

-- Something happens to a worker.
local function tell_of_worker(type, worker, incarnation, data)
  data.worker_id, data.incarnation = worker, incarnation
  write_event(K.events, type, data)
end

-- Somebody watches a stream that nobody has watched so far.
-- is_known: this was told before, but Redis has lost that
local function begin_playing(id, client, is_known)
  redis.call('ZREM', K.left, id)
  if redis.call('EXISTS', K.spec .. id) == 0 then return end
  if redis.call('HSETNX', K.spec .. id, 'playing', string.format('%.0f', now_ms())) == 0 or is_known then return end
  tell_of_stream('stream_started', id, { client_id = client.id, slot = client.slot, worker_id = client.workerId })
end

-- A stream is idle, or gone.
local function end_playing(id, reason)
  redis.call('ZREM', K.left, id)
  local since = number_of(redis.call('HGET', K.spec .. id, 'playing'))
  if not since then return end
  redis.call('HDEL', K.spec .. id, 'playing')
  tell_of_stream('stream_stopped', id, { reason = reason, seconds = math.max(0, now_ms() - since) / 1000 })
end

-- The last viewer of a stream has left. It goes on for its grace time.
local function note_left(id)
  if redis.call('HLEN', K.clients .. id) > 0 or redis.call('HEXISTS', K.spec .. id, 'playing') == 0 then return end
  redis.call('ZADD', K.left, 'NX', string.format('%.0f', now_ms()), id)
end

-- Ends what has been without a viewer for its grace time. A few at once; the others come with the next renewal.
local function end_idle(grace_ms)
  local now = now_ms()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', K.left, '-inf', string.format('%.0f', now - grace_ms), 'LIMIT', 0, 100)) do
    if is_watched(id) then redis.call('ZREM', K.left, id)
    elseif is_idle(id, now, grace_ms, grace_ms) then end_playing(id, 'last_client_disconnected') end
  end
end

local function tell_connected(id, client, at)
  tell_of_client('client_connected', id, {
    client_id = client.id,
    user_agent = client.userAgent,
    ip_address = client.ipAddress,
    username = client.username,
    worker_id = client.workerId,
    slot = client.slot,
    stream_client_count = redis.call('HLEN', K.clients .. id),
  }, at)
end

-- client: its record, or what is left of it; bytes, segments: all that it has got
local function tell_disconnected(id, client_id, client, bytes, segments, reason)
  local connected = number_of(client.connectedAtMs)
  tell_of_client('client_disconnected', id, {
    client_id = client_id,
    username = client.username,
    worker_id = client.workerId,
    slot = client.slot,
    bytes_served = bytes,
    segments_served = segments,
    seconds = connected and math.max(0, now_ms() - connected) / 1000 or nil,
    reason = reason,
    stream_client_count = redis.call('HLEN', K.clients .. id),
  })
end
