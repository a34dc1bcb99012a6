-- Moves a stream and its group to their next source, if they still are where the caller thinks.
-- ARGV: 2 id, 3 index they stand at, 4 the next state as JSON, 5 what the event says of it, as JSON
-- Answer: {state as JSON, id of each stream that has moved, …}, or false without such a stream
local id = ARGV[2]
local text = settle(id)
if not text then return false end
local state = decode(text)
-- An unreadable state has no position, so it is replaced.
if state and type(state.index) == 'number' and state.index ~= tonumber(ARGV[3]) then return { text } end
local next_text = ARGV[4]
if moved_at(next_text) <= moved_at(text) then
  -- The caller's clock is behind the one that the group began by. Of two states the later one counts.
  local next_state = cjson.decode(next_text)
  next_state.lastAtMs = moved_at(text) + 1
  next_text = cjson.encode(next_state)
end
local answer = put_state(id, next_text)
local data = cjson.decode(ARGV[5])
-- A group that begins with the media of its web page has not failed over.
for _, member in ipairs(data.reason == 'page_opened' and {} or answer) do
  data.client_count = redis.call('HLEN', K.clients .. member)
  tell_of_stream('failover_triggered', member, data)
end
table.insert(answer, 1, next_text)
return answer
