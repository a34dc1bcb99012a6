-- HLS sessions: clients of several requests, which any worker may serve. No incarnation owns one. Runs before every script, after
-- leaving.lua. K.sessions has '<stream> <client>' of each, with the time by Redis' clock at which it is over unless a worker reports it
-- again.

-- A session whose time is lost gets this long to be reported.
local UNKNOWN_MS = 30000

-- The second id of a session: another client may have its first one.
local function session_ids(id)
  return { id, id .. '_hls' }
end

local function is_session(client)
  return client ~= nil and client.incarnation == SESSIONS
end

-- The record of the session that has one of these ids; without one, the first id that nobody has.
local function session_among(id, ids)
  local free
  for _, client_id in ipairs(ids) do
    local text = redis.call('HGET', K.clients .. id, client_id)
    local client = decode(text)
    if is_session(client) and client.id == client_id then return client end
    if not text then free = free or client_id end
  end
  return nil, free
end

-- A worker has seen it: it lasts for so many ms from now, unless it lasts longer already.
local function prolong(id, client_id, ms)
  redis.call('ZADD', K.sessions, 'GT', string.format('%.0f', now_ms() + ms), pair_of(id, client_id))
end

-- Adds what a worker has sent to a session.
local function add_to_session(id, client, bytes, segments, accessed)
  local key, pair = K.countersPrefix .. SESSIONS, pair_of(id, client.id)
  local had, pieces, read = counters_in(redis.call('HGET', key, pair))
  if had and add_current(id, bytes, segments, accessed) then
    local sums = sums_text(had + bytes, pieces + segments, math.max(read, accessed))
    redis.call('HSET', key, pair, string.format('%.0f %s', number_of(client.connectedAtMs, 0), sums))
    return
  end
  client.bytesServed, client.segmentsServed = (had or 0) + bytes, (pieces or 0) + segments
  client.lastAccessMs = math.max(read or 0, accessed)
  put_counters(SESSIONS, id, client)
  recount_current(id)
end

-- Redis may have lost the counters of a session alone. Then it counts from what its record says. Returns whether that was so.
local function mend_counters(id, client)
  if counters_in(redis.call('HGET', K.countersPrefix .. SESSIONS, pair_of(id, client.id))) then return false end
  put_counters(SESSIONS, id, client)
  -- The sum may have what the lost counters said, or not.
  recount_current(id)
  return true
end

-- Counts a session out, with what it has got.
local function end_session(id, client_id, reason)
  local left, counters = count_out(id, client_id, reason)
  local bytes, segments = counters_in(counters)
  credit(id, bytes or 0, segments or 0)
  if redis.call('EXISTS', K.spec .. id) == 1 then redis.call('ZADD', K.streamIds, now_ms(), id) end
  show(id)
  return left
end
