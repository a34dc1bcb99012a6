-- Gives a slot's feed up, if nobody is in it and it is still the caller's.
-- ARGV: 2 stream id, 3 slot, 4 incarnation
-- Answer: 1 when nobody is in it
local id, slot, incarnation = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HEXISTS', K.slots .. id, slot) == 1 then return 0 end
local feed = 'p:' .. id .. ':' .. slot
if redis.call('HGET', K.ownerPrefix .. feed, 'incarnation') == incarnation then
  redis.call('DEL', K.ownerPrefix .. feed)
  redis.call('SREM', K.feedsOfPrefix .. incarnation, feed)
end
show(id)
return 1
