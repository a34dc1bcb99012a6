-- The secret that all workers share. Of those in use the oldest wins: a generated one begins with the time. So a worker that starts
-- while the key is lost does not part the others from each other.
-- ARGV: 2 key, 3 the caller's secret, 4 '1' when it is in use already
-- Answer: the secret that counts
local key, own, is_used = ARGV[2], ARGV[3], ARGV[4] == '1'
local stored = redis.call('GET', key)
if stored and (stored <= own or not is_used) then return stored end
redis.call('SET', key, own)
return own
