-- What people who look on all the time want to know, in one step: the living workers, whom dead ones still count, all streams, and
-- what has happened.
-- ARGV: 2 for how long a stream that nobody watches is told apart from an idle one, in ms, 3 and 4 ids of the last events that the
--       asker has of the cluster and of viewers, or '', 5 the most events of either that are wanted
-- Answer: [living, dead, gone, summaries, used, events]. living: incarnation, its worker's record as JSON or '', when it started in
--         ms or '', how many ms its lease has left, and so on.
--         dead: stream id, how many viewers of dead incarnations it still counts, and so on
--         gone: the record of a worker that has died and whose incarnation has not ended, for how many ms, and so on
--         summaries: the fields of K.summary with their values
--         used: id of a stream that was used within ARGV[2], when that was in ms, and so on
--         events: the answer of XREAD, empty without any
local now = now_ms()
local living, counts, dead, gone = {}, {}, {}, {}
for _, incarnation in ipairs(redis.call('SMEMBERS', K.incarnations)) do
  local worker = redis.call('GET', K.leasePrefix .. incarnation)
  local seized_ms = seized_for(incarnation, now)
  local ends = number_of(redis.call('ZSCORE', K.leaseEnds, incarnation), now)
  if worker and not seized_ms then
    living[#living + 1] = incarnation
    living[#living + 1] = redis.call('HGET', K.workers, worker) or ''
    living[#living + 1] = redis.call('HGET', K.started, incarnation) or ''
    living[#living + 1] = string.format('%.0f', math.max(0, ends - now))
  else
    local text = redis.call('HGET', K.workers, worker or redis.call('HGET', K.named, incarnation) or '')
    local record = decode(text)
    if record and record.incarnation == incarnation then
      gone[#gone + 1] = text
      gone[#gone + 1] = string.format('%.0f', seized_ms or math.max(0, now - ends))
    end
    for _, pair in ipairs(redis.call('SMEMBERS', K.clientsOfPrefix .. incarnation)) do
      local id = string.match(pair, '^(%S+) ')
      if id then counts[id] = (counts[id] or 0) + 1 end
    end
  end
end
for id, count in pairs(counts) do
  dead[#dead + 1] = id
  dead[#dead + 1] = string.format('%d', count)
end
local used = redis.call('ZRANGEBYSCORE', K.streamIds, string.format('%.0f', now - tonumber(ARGV[2])), '+inf', 'WITHSCORES')
local events = ARGV[3] ~= ''
  and redis.call('XREAD', 'COUNT', ARGV[5], 'STREAMS', K.events, K.clientEvents, ARGV[3], ARGV[4])
return { living, dead, gone, redis.call('HGETALL', K.summary), used, events or {} }
