-- Takes note of how far a broadcast is, if the caller makes it. This decides whose segments count: neither a folder nor a bucket knows
-- of epochs, so a worker lists a segment only after this has said that it still is the owner.
-- ARGV: 2 the key under which the broadcast is owned, 3 incarnation, 4 epoch, 5 id, 6 number of the programme, 7 '1': it is over,
--       8 the progress as JSON
-- Answer: 'mine'; 'lost' when another worker makes it, or has since, or it was removed; 'unknown' when Redis has lost who makes it
local feed, incarnation, epoch, id = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local known = decode(redis.call('HGET', K.broadcastProgress, id))
if known and number_of(known.epoch, 0) > epoch then return 'lost' end
local stored = redis.call('HMGET', K.ownerPrefix .. feed, 'incarnation', 'epoch')
if not stored[1] then
  -- With nothing else left of it, it was removed, unless Redis has lost everything: then its owner writes it back.
  return (redis.call('EXISTS', K.broadcasts) == 1 and not broadcast_of(id)) and 'lost' or 'unknown'
end
if stored[1] ~= incarnation or number_of(stored[2], 0) ~= epoch then return 'lost' end
local programme = broadcast_of(id)
if not programme then return 'unknown' end
redis.call('HSET', K.broadcastProgress, id, ARGV[8])
-- The next programme may have been asked for meanwhile.
if ARGV[7] == '1' and programme == tonumber(ARGV[6]) then leave_stream(id) end
return 'mine'
