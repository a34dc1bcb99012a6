-- Forgets a broadcast. Whoever makes it learns that from its next note.
-- ARGV: 2 id, 3 the key under which it is owned
-- Answer: 1 when there was one
local id, feed = ARGV[2], ARGV[3]
leave_stream(id)
local owner = redis.call('HGET', K.ownerPrefix .. feed, 'incarnation')
if owner then
  redis.call('SREM', K.feedsOfPrefix .. owner, feed)
  redis.call('DEL', K.ownerPrefix .. feed)
end
redis.call('HDEL', K.broadcastProgress, id)
return redis.call('HDEL', K.broadcasts, id)
