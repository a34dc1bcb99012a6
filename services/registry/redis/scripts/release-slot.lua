-- Releases a slot's feed, if the slot is empty and the caller still owns the feed. Viewers on dead workers do not count.
-- ARGV: 2 stream id, 3 slot, 4 incarnation
-- Answer: 1 when the slot is empty
local id, slot, incarnation = ARGV[2], ARGV[3], ARGV[4]
if redis.call('HEXISTS', K.slots .. id, slot) == 1 then
  for _, client_id in ipairs(sorted(redis.call('HKEYS', K.clients .. id))) do
    local client = decode(redis.call('HGET', K.clients .. id, client_id))
    local known = client and type(client.incarnation) == 'string'
    -- An unreadable record belongs to nobody.
    if not known then count_out(id, client_id, 'lost')
    elseif client.slot == tonumber(slot) and not is_alive(client.incarnation) then count_out_dead(id, client_id, client.incarnation) end
  end
  -- The count of a viewer whose record is lost would keep the process for ever. One that lives is with the owner, or follows it.
  recount(id)
  if redis.call('HEXISTS', K.slots .. id, slot) == 1 then
    show(id)
    return 0
  end
end
local feed = process_feed(id, slot)
if disown(feed, incarnation) then redis.call('SREM', K.feedsOfPrefix .. incarnation, feed) end
show(id)
return 1
