-- Begins a programme of a broadcast: the first one, or the next one of a broadcast that is there.
-- ARGV: 2 id, 3 stream id, 4 the order as JSON, 5 how many broadcasts there may be, 6 '' or, to write back what Redis has lost, the
--       number of the programme, 7 '1': it is to end, 8 '' or the number of the programme that it has to be at, and not to end
-- Answer: number of the programme; 0 when there are too many, or it is not at that programme
local id = ARGV[2]
local before, is_stopped = broadcast_of(id)
if ARGV[8] ~= '' and (before ~= tonumber(ARGV[8]) or is_stopped) then return 0 end
local restored = tonumber(ARGV[6])
if restored and before then return before end
redis.call('HSET', K.broadcasts, '', '')
if not before and redis.call('HLEN', K.broadcasts) > tonumber(ARGV[5]) then return 0 end
leave_stream(id)
local programme = restored or (before or 0) + 1
redis.call('HSET', K.broadcasts, id, string.format('%.0f %s %s', programme, ARGV[7], ARGV[4]))
redis.call('SADD', K.recordersPrefix .. ARGV[3], id)
redis.call('SADD', K.recorded, ARGV[3])
return programme
