-- Removes a stream with its clients and slots.
-- ARGV: 2 id, 3 '' or a time in ms: then only if it has no viewers and had none since, 4 why, as stream_stopped says it
-- Answer: 1 when there was one
if ARGV[3] ~= '' then
  local accessed = tonumber(redis.call('ZSCORE', K.streamIds, ARGV[2]) or 0)
  if accessed > tonumber(ARGV[3]) or redis.call('HLEN', K.clients .. ARGV[2]) > 0
    or redis.call('EXISTS', K.recordersPrefix .. ARGV[2]) == 1 then return 0 end
  return forget_stream(ARGV[2], now_ms())
end
return delete_stream(ARGV[2], now_ms(), ARGV[4])
