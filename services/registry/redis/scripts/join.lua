-- Counts a client in, gives it a slot and the place of that slot's feed, and tells of the stream, in one step.
-- ARGV: 2 stream id, 3 wanted client id, 4 suffix if that is taken, 5 client record as JSON, 6 cap ('' for a direct stream),
--       7 slots whose feed the worker has, as JSON array, 8 the worker as JSON (see claim), 9 '1' for a process of its own, which
--       no feed comes of, so that nobody owns one, 10 grace and 11 time for the first viewer, both in ms
-- Answer: 'gone', or JSON {clientId, slot, place, stream [field, value, …], nowMs}; {place} alone when it was not counted in
local id, wanted, suffix, cap, me = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[6]), cjson.decode(ARGV[8])
if redis.call('EXISTS', K.spec .. id) == 0 then return 'gone' end
local client = cjson.decode(ARGV[5])
local now = now_ms()

-- An idle stream begins at its primary source again.
local record = redis.call('HMGET', K.spec .. id, 'failover', 'spec')
local state, spec = decode(record[1]), decode(record[2])
if state and spec and state.index ~= -1 and is_idle(id, now, tonumber(ARGV[10]), tonumber(ARGV[11])) then
  local begun = cjson.encode({ index = -1, attempts = 0, currentUrl = spec.url, begunAtMs = now })
  redis.call('HSET', K.spec .. id, 'failover', begun, 'unshareable', '0')
end

local place
local slot

if cap then
  local alone = ARGV[9] == '1'
  if redis.call('HGET', K.spec .. id, 'unshareable') == '1' then cap, alone = 1, true end
  local counts = {}
  local flat = redis.call('HGETALL', K.slots .. id)
  for at = 1, #flat, 2 do
    local number = number_of(flat[at])
    if number and number == math.floor(number) then counts[number] = number_of(flat[at + 1], 0) end
  end
  local function has_room(candidate) return cap == 0 or (counts[candidate] or 0) < cap end
  local function lowest(candidates)
    for _, candidate in ipairs(candidates) do
      if has_room(candidate) and (not slot or candidate < slot) then slot = candidate end
    end
  end
  lowest(cjson.decode(ARGV[7]))
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
    place = claim('p:' .. id .. ':' .. slot, me)
    if place.kind == 'wait' or place.kind == 'full' then return cjson.encode({ place = place }) end
  end
  count_in(K.slots .. id, slot, 1)
end

local client_id = wanted
if redis.call('HEXISTS', K.clients .. id, client_id) == 1 then client_id = wanted .. '_' .. suffix end
client.id = client_id
client.slot = slot
client.incarnation = me.incarnation
redis.call('HSET', K.clients .. id, client_id, cjson.encode(client))
redis.call('SADD', K.clientsOfPrefix .. me.incarnation, id .. ' ' .. client_id)
redis.call('HSET', K.spec .. id, 'watched', '1')
redis.call('ZADD', K.streamIds, now, id)
show(id)
local stream = redis.call('HGETALL', K.spec .. id)
return cjson.encode({ clientId = client_id, slot = slot, place = place, stream = stream, nowMs = now })
