-- Counts a client in, gives it a slot, and returns the place of the slot's feed and the stream, in one step.
-- ARGV: 2 stream id, 3 ids for the client as JSON array (it gets the first free one), 4 client record as JSON,
--       5 cap ('' for a direct stream), 6 slots whose feed the worker has, as JSON array, 7 the worker as JSON (see claim),
--       8 '1' for its own process: that makes no feed, or for a session one of its own (film_feed), 9 grace and 10 time for the first viewer,
--       both in ms, 11 which of these ids the worker's own clients have, as JSON array of {id, sinceMs}: Redis may
--       have lost their records, 12 '' or, for a session, JSON {timeoutMs, onlyLive: join it only if it lives}. A session that lives
--       is joined: it keeps its slot and is not counted again
-- Answer: 'gone', 'no session', or JSON {clientId, slot, place, stream [field, value, …], nowMs, earlier: connections with others of
--         these ids, connectedAtMs: of a session that lived}; {place} alone when the client was not counted in
local id, ids, cap, me = ARGV[2], cjson.decode(ARGV[3]), tonumber(ARGV[5]), cjson.decode(ARGV[7])
if is_late(me) then return cjson.encode({ place = ASK_AGAIN }) end
if redis.call('EXISTS', K.spec .. id) == 0 then return 'gone' end
local client = cjson.decode(ARGV[4])
local now = now_ms()
local session, lives, session_id = decode(ARGV[12])
if session then
  lives, session_id = session_among(id, session_ids(ids[1]))
  if session.onlyLive and not lives then return 'no session' end
end

-- A stream that wakes plays where its group plays. A group of idle streams starts at its primary source again.
local state = decode(settle(id))
local grace, first_viewer = tonumber(ARGV[9]), tonumber(ARGV[10])
if is_idle(id, now, grace, first_viewer) then
  -- No renewal has noticed that it ended.
  end_playing(id, 'last_client_disconnected')
  if state and state.index ~= -1 and others_are_idle(id, now, grace, first_viewer) then begin_anew(id, now) end
end

local place
local slot

if cap then
  local alone = ARGV[8] == '1'
  if redis.call('HGET', K.spec .. id, 'unshareable') == '1' then cap, alone = 1, true end
  local counts, counted = slot_counts(id)
  local records = redis.call('HLEN', K.clients .. id)
  if counted < records or (session and counted > records) then
    -- Redis has lost some of the counts; without them a slot would get more clients than the cap. Or it has lost the record of this
    -- session, which would count twice.
    recount(id)
    counts = slot_counts(id)
  end
  local function has_room(candidate) return cap == 0 or (counts[candidate] or 0) < cap end
  local function lowest(candidates)
    for _, candidate in ipairs(candidates) do
      if has_room(candidate) and (not slot or candidate < slot) then slot = candidate end
    end
  end
  if lives then slot = number_of(lives.slot) end
  local is_counted = slot ~= nil
  if not slot then lowest(cjson.decode(ARGV[6])) end
  if not slot then
    local used = {}
    for candidate in pairs(counts) do used[#used + 1] = candidate end
    lowest(used)
  end
  if not slot then
    slot = 0
    while counts[slot] do slot = slot + 1 end
  end
  if not alone then
    place = claim(process_feed(id, slot), me)
  elseif lives then
    -- Who began to watch made its feed. Nobody takes that over, so it is there, or lost.
    place = place_of_kept(film_feed(id, lives.id), me)
  elseif session_id then
    place = place_of_begun(film_feed(id, session_id), me)
  end
  if place and (place.kind == 'wait' or place.kind == 'full') then return cjson.encode({ place = place }) end
  if not is_counted then count_in(K.slots .. id, slot, 1) end
end

local client_id
local earlier = {}
local held = {}
-- A client of an earlier stream with this id is about to be disconnected.
local created = number_of(redis.call('HGET', K.spec .. id, 'createdAtMs'), 0)
for _, each in ipairs(cjson.decode(ARGV[11])) do held[each.id] = each.sinceMs >= created end
for _, candidate in ipairs(ids) do
  local text = redis.call('HGET', K.clients .. id, candidate)
  local other = decode(text)
  if not text then
    if not held[candidate] then client_id = client_id or candidate end
  elseif other and not session and not is_session(other) then
    table.insert(earlier, { streamId = id, clientId = candidate, connectedAtMs = other.connectedAtMs, workerId = other.workerId })
  end
end
client_id = client_id or ids[#ids]
if session then client_id = lives and lives.id or session_id or client_id end
local owner = session and SESSIONS or me.incarnation
if lives then client, slot = lives, slot or number_of(lives.slot) end
local is_written = lives and lives.slot == slot
client.id = client_id
client.slot = slot
client.incarnation = owner
if not is_written then redis.call('HSET', K.clients .. id, client_id, cjson.encode(client)) end
if session then prolong(id, client_id, session.timeoutMs)
else redis.call('SADD', K.clientsOfPrefix .. owner, pair_of(id, client_id)) end
if not lives then
  begin_counting(owner, id, client)
  begin_playing(id, client)
  tell_connected(id, client)
end
redis.call('HSET', K.spec .. id, 'watched', '1')
redis.call('ZADD', K.streamIds, now, id)
show(id)
local stream = redis.call('HGETALL', K.spec .. id)
return cjson.encode({
  clientId = client_id,
  slot = slot,
  place = place,
  stream = stream,
  nowMs = now,
  earlier = #earlier > 0 and earlier or nil,
  connectedAtMs = lives and lives.connectedAtMs or nil,
})
