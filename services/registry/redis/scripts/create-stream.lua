-- Adds a stream, or returns the existing one. Creates an idle one anew. At the limit it removes the stream that has been
-- idle longest.
-- ARGV: 2 id, 3 fields of the record as JSON object of strings, 4 maximal number of streams (0: any), 5 grace and
--       6 time for the first viewer, 7 for how long workers may not have told this registry of their viewers, all in ms
-- Answer: 'full', or {existing 0|1, field, value, …}
local id, fields, max = ARGV[2], cjson.decode(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()

-- The most streams that one step examines. More could block Redis for milliseconds.
local LOOKED_AT = 500

local function made_room()
  local grace, first_viewer = tonumber(ARGV[5]), tonumber(ARGV[6])
  if complete_for(now) < tonumber(ARGV[7]) then return false end
  local rested = now - math.min(grace, first_viewer)
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', K.streamIds, '-inf', rested, 'LIMIT', 0, LOOKED_AT)) do
    if redis.call('HLEN', K.clients .. other) > 0 then
      -- It has viewers: moves it, so that the next search does not find it among the oldest.
      redis.call('ZADD', K.streamIds, now, other)
    elseif is_idle(other, now, grace, first_viewer) then
      forget_stream(other, now)
      for _, incarnation in ipairs(redis.call('SMEMBERS', K.incarnations)) do
        redis.call('RPUSH', K.commandsPrefix .. incarnation, cjson.encode({ kind = 'delete', streamId = other }))
      end
      return true
    end
  end
  return false
end

-- A new stream plays where its group plays. A group without a stream in use starts at its primary source.
local function enter_group()
  local group = group_of(id)
  if not group then return end
  local state = decode(redis.call('HGET', K.groupPrefix .. group, ':state'))
  local is_begun = state and (state.index == -1 or not others_are_idle(id, now, tonumber(ARGV[5]), tonumber(ARGV[6])))
  if is_begun then settle(id) else begin_anew(id, now) end
end

local watched = redis.call('HGET', K.spec .. id, 'watched')
local existing = 0
if redis.call('EXISTS', K.spec .. id) == 1 then
  if not is_idle(id, now, tonumber(ARGV[5]), tonumber(ARGV[6])) then existing = 1 end
  -- Another viewer is coming to a stream without viewers so far. A request does not prolong the grace time of a watched one.
  if existing == 1 and watched == '0' then redis.call('ZADD', K.streamIds, now, id) end
else
  while max > 0 and redis.call('ZCARD', K.streamIds) >= max do
    if not made_room() then return 'full' end
  end
end
if existing == 0 then
  end_playing(id, 'last_client_disconnected')
  fields.createdAtMs = string.format('%.0f', now)
  put_stream(id, fields, now)
  enter_group()
  show(id)
else
  settle(id)
end
local answer = redis.call('HGETALL', K.spec .. id)
table.insert(answer, 1, existing)
return answer
