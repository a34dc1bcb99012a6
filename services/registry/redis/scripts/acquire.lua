-- Who makes a feed: its living owner, else the caller or, when that is full, another worker.
-- ARGV: 2 feed, 3 the worker as JSON (see claim), 4 the incarnation that is proven dead ('' for none)
-- Answer: Place as JSON
local feed, me, dead = ARGV[2], cjson.decode(ARGV[3]), ARGV[4]
if is_late(me) then return cjson.encode(ASK_AGAIN) end
-- The new owner needs the connections of the dead one.
if dead ~= '' then
  drop_connections(dead)
  local ends = number_of(redis.call('ZSCORE', K.leaseEnds, dead))
  local now = now_ms()
  if ends and not seized_for(dead, now) then redis.call('HSET', K.seized, dead, string.format('%.0f %.0f', ends, now)) end
end
local seized = dead ~= '' and redis.call('HGET', K.ownerPrefix .. feed, 'incarnation') == dead
if seized then
  redis.call('SREM', K.feedsOfPrefix .. dead, feed)
  redis.call('HSET', K.ownerPrefix .. feed, 'incarnation', '-')
end
local place = claim(feed, me)
-- A refused connection proves a death, unless something on the way has refused it.
if seized and place.kind ~= 'full' and is_alive(dead) then tell_lost(dead, feed) end
return cjson.encode(place)
