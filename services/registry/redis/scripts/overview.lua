-- The living workers, and whom dead ones still count: for people who look on all the time, in one step.
-- Answer: [living, dead, gone]. living: incarnation, its worker's record as JSON or '', when it started in ms or '', how many ms its
--         lease has left, and so on.
--         dead: stream id, how many viewers of dead incarnations it still counts, and so on
--         gone: the record of a worker that has died and whose incarnation has not ended, for how many ms, and so on
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
return { living, dead, gone }
