-- Removes the owners' records of feeds whose owner is gone, and has left nothing else by which `end-incarnation` would find them: a Redis
-- that is out of memory may drop any key.
-- ARGV: 2 [feed]
for _, feed in ipairs(cjson.decode(ARGV[2])) do
  local incarnation = redis.call('HGET', K.ownerPrefix .. feed, 'incarnation')
  if incarnation and not is_alive(incarnation) and redis.call('SISMEMBER', K.incarnations, incarnation) == 0 then
    disown(feed, incarnation)
  end
end
