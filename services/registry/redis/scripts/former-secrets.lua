-- Secrets for playback that the cluster has replaced: what viewers carry that was made with one of them can still be read.
-- ARGV: 2 one more of them or '', 3 how long it counts from now, in ms
-- Answer: {those that count, the newest first}

-- More than a cluster has workers that start without Redis.
local KEPT = 8

local secret, lasts = ARGV[2], tonumber(ARGV[3])
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', K.formerSecrets, '-inf', string.format('%.0f', now))
if secret ~= '' then
  redis.call('ZADD', K.formerSecrets, string.format('%.0f', now + lasts), secret)
  redis.call('ZREMRANGEBYRANK', K.formerSecrets, 0, -KEPT - 1)
  redis.call('PEXPIRE', K.formerSecrets, lasts)
end
return redis.call('ZREVRANGE', K.formerSecrets, 0, -1)
