-- Says whether all viewers of a stream and its group are players in pages of the console.
-- ARGV: 2 id, 3 what the ids of those begin with
-- Answer: 1, or 0 when somebody else watches, or nobody
local found = 0
for _, member in ipairs(members_of(ARGV[2])) do
  for _, client_id in ipairs(redis.call('HKEYS', K.clients .. member)) do
    if string.sub(client_id, 1, #ARGV[3]) ~= ARGV[3] then return 0 end
    found = 1
  end
end
return found
