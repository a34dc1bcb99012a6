-- Returns a connection to a provider account. Unknown ones are no error.
-- ARGV: 2 account, 3 connection, 4 incarnation
redis.call('HDEL', K.connectionsPrefix .. ARGV[2], ARGV[3])
redis.call('SREM', K.connectionsOfPrefix .. ARGV[4], ARGV[2] .. ' ' .. ARGV[3])
return 1
