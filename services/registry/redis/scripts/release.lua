-- Releases a feed without a slot (a source feed).
-- ARGV: 2 feed, 3 incarnation
local key = K.ownerPrefix .. ARGV[2]
if redis.call('HGET', key, 'incarnation') ~= ARGV[3] then return 0 end
redis.call('DEL', key)
redis.call('SREM', K.feedsOfPrefix .. ARGV[3], ARGV[2])
return 1
