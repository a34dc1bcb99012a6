-- Releases a feed without a slot (a source).
-- ARGV: 2 feed, 3 incarnation
if not disown(ARGV[2], ARGV[3]) then return 0 end
redis.call('SREM', K.feedsOfPrefix .. ARGV[3], ARGV[2])
return 1
