-- Adds what only a worker knows to the record of events. Each event is added once, however often the worker tells it.
-- ARGV: 2 incarnation, 3 JSON array of {n: its number, from 1 on; type; isClient: it is about a viewer; stream: id or nothing; atMs: when
--       it happened, if that is not now; late: after an outage; data}
-- Answer: "<number> <viewers>" of each event of a change of owner: how many viewers have stayed.

-- How many viewers of a feed have not gone with its former owner. Without from_incarnation that one lives: all stay.
local function clients_kept(id, takeover)
  local kept = 0
  for _, text in ipairs(redis.call('HVALS', K.clients .. id)) do
    local client = decode(text)
    if client and client.slot == takeover.slot and client.incarnation ~= takeover.from_incarnation then kept = kept + 1 end
  end
  return kept
end

local incarnation = ARGV[2]
local kept = {}
local told = number_of(redis.call('HGET', K.told, incarnation), 0)
for _, event in ipairs(cjson.decode(ARGV[3])) do
  if event.n > told then
    told = event.n
    is_after_outage = event.late == true
    local more = event.stream and about_stream(event.stream) or {}
    local data = event.data
    if event.type == 'takeover' or event.type == 'handover' then
      data.clients_kept = clients_kept(event.stream, data)
      kept[#kept + 1] = string.format('%d %d', event.n, data.clients_kept)
    end
    if event.atMs then more[#more + 1], more[#more + 2] = 'at', string.format('%.0f', event.atMs) end
    write_event(event.isClient and K.clientEvents or K.events, event.type, data, more)
  end
end
redis.call('HSET', K.told, incarnation, told)
return kept
