-- Counts a client out. Unknown clients are no error.
-- ARGV: 2 stream id, 3 client id, 4 bytes served, 5 segments served (of a session: since the last report), 6 when it connected (a later
--       client may have its id)
-- Answer: how many its slot has left
local id, client_id = ARGV[2], ARGV[3]
local text = redis.call('HGET', K.clients .. id, client_id)
if not text then return 0 end
local client = decode(text)
if client and type(client.connectedAtMs) == 'number' and client.connectedAtMs ~= tonumber(ARGV[6]) then return 0 end
if is_session(client) then
  add_to_session(id, client, tonumber(ARGV[4]), tonumber(ARGV[5]), 0)
  return end_session(id, client_id, 'left')
end
local left = count_out(id, client_id, 'left', { tonumber(ARGV[4]), tonumber(ARGV[5]) })
if redis.call('EXISTS', K.spec .. id) == 1 then
  credit(id, ARGV[4], ARGV[5])
  redis.call('ZADD', K.streamIds, now_ms(), id)
end
show(id)
return left
