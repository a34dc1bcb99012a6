-- The secret that all workers share. A generated one begins with the time: the oldest wins, so that a worker which starts while
-- the key is lost does not part the others from each other.
-- ARGV: 2 key, 3 the caller's secret
-- Answer: the secret that counts
local key, own = ARGV[2], ARGV[3]
local stored = redis.call('GET', key)
if stored and stored <= own then return stored end
redis.call('SET', key, own)
return own
