-- Adds a stream, or answers the one that is there.
-- ARGV: 2 id, 3 fields of the record as JSON object of strings, 4 maximal number of streams (0: any)
-- Answer: 'full', or {existing 0|1, field, value, …}
local id, max = ARGV[2], tonumber(ARGV[4])
local key = K.spec .. id
local now = now_ms()
local existing = redis.call('EXISTS', key)
if existing == 0 then
  if max > 0 and redis.call('ZCARD', K.streamIds) >= max then return 'full' end
  for field, value in pairs(cjson.decode(ARGV[3])) do redis.call('HSET', key, field, value) end
  redis.call('DEL', K.deletedPrefix .. id)
  redis.call('HSET', key, 'createdAtMs', string.format('%.0f', now))
end
redis.call('ZADD', K.streamIds, now, id)
local answer = redis.call('HGETALL', key)
table.insert(answer, 1, existing)
return answer
