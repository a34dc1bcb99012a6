-- The owner hands a feed over.
-- ARGV: 2 feed, 3 incarnation and 4 epoch of the owner, 5 the new owner as JSON {incarnation, workerId, address}
-- Answer: the new epoch, or 0 when the caller is not the owner or the new one is dead
local key, to = K.ownerPrefix .. ARGV[2], cjson.decode(ARGV[5])
local stored = redis.call('HMGET', key, 'incarnation', 'epoch')
if stored[1] ~= ARGV[3] or stored[2] ~= ARGV[4] or not is_alive(to.incarnation) then return '0' end
local epoch = math.max(tonumber(stored[2]) + 1, now_ms())
hand(ARGV[2], to, epoch)
return string.format('%.0f', epoch)
