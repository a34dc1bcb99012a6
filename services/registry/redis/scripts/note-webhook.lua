-- Takes note of how far a webhook is, if the caller still delivers.
-- ARGV: 2 the name under which the delivery is owned, as a feed is, 3 incarnation, 4 epoch, 5 URL, 6 the progress as JSON
-- Answer: 1; 0 when another worker delivers, or the webhook is gone
local stored = redis.call('HMGET', K.ownerPrefix .. ARGV[2], 'incarnation', 'epoch')
if stored[1] ~= ARGV[3] or stored[2] ~= ARGV[4] then return 0 end
if redis.call('HEXISTS', K.webhooks, ARGV[5]) == 0 then return 0 end
redis.call('HSET', K.webhookProgress, ARGV[5], ARGV[6])
return 1
