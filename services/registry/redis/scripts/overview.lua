-- The living workers, and whom dead ones still count: for people who look on all the time, in one step.
-- Answer: [living, dead]. living: incarnation, its worker's record as JSON or '', when it started in ms or '', how many ms its lease
--         has left, and so on.
--         dead: stream id, how many viewers of dead incarnations it still counts, and so on
local now = now_ms()
local living, counts, dead = {}, {}, {}
for _, incarnation in ipairs(redis.call('SMEMBERS', K.incarnations)) do
  local worker = redis.call('GET', K.leasePrefix .. incarnation)
  if worker then
    living[#living + 1] = incarnation
    living[#living + 1] = redis.call('HGET', K.workers, worker) or ''
    living[#living + 1] = redis.call('HGET', K.started, incarnation) or ''
    local ends = number_of(redis.call('ZSCORE', K.leaseEnds, incarnation), now)
    living[#living + 1] = string.format('%.0f', math.max(0, ends - now))
  else
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
return { living, dead }
