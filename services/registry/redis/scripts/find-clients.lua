-- Finds clients of a stream by what their records say. Changes nothing.
-- ARGV: 2 stream id, 3 name of the field, 4 its value, 5 a part of the value that JSON writes as it is,
--       6 only clients with a later id, 7 the most that are wanted
-- Answer: their records as JSON, in the order of their ids
local wanted, part, after = ARGV[4], ARGV[5], ARGV[6]
local found = {}
for _, text in ipairs(redis.call('HVALS', K.clients .. ARGV[2])) do
  -- A look at the text costs a tenth of decoding it.
  if string.find(text, part, 1, true) then
    local client = decode(text)
    if client and client[ARGV[3]] == wanted and type(client.id) == 'string' and client.id > after then
      table.insert(found, { id = client.id, text = text })
    end
  end
end
table.sort(found, function(a, b) return a.id < b.id end)
local texts = {}
for at = 1, math.min(#found, tonumber(ARGV[7])) do texts[at] = found[at].text end
return texts
