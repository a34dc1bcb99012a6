-- Adds a stream, or answers the one that is there. One that is idle is made anew.
-- ARGV: 2 id, 3 fields of the record as JSON object of strings, 4 maximal number of streams (0: any), 5 grace and
--       6 time for the first viewer, both in ms
-- Answer: 'full', or {existing 0|1, field, value, …}
local id, fields, max = ARGV[2], cjson.decode(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()
local watched = redis.call('HGET', K.spec .. id, 'watched')
local existing = 0
if redis.call('EXISTS', K.spec .. id) == 1 then
  if not is_idle(id, now, tonumber(ARGV[5]), tonumber(ARGV[6])) then existing = 1 end
  -- Another viewer is on the way to one that nobody has watched. A grace is not made longer by asking.
  if existing == 1 and watched == '0' then redis.call('ZADD', K.streamIds, now, id) end
elseif max > 0 and redis.call('ZCARD', K.streamIds) >= max then
  return 'full'
end
if existing == 0 then
  fields.createdAtMs = string.format('%.0f', now)
  put_stream(id, fields, now)
end
local answer = redis.call('HGETALL', K.spec .. id)
table.insert(answer, 1, existing)
return answer
