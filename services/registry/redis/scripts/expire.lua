-- Counts a session out, if its time is over: no worker has seen it for its timeout.
-- ARGV: 2 stream id, or '': only look, 3 client id
-- Answer: 'expired'; 'lives' when a worker has seen it since; 'gone' when there is no such session; for '': the sessions whose time is
-- over, as '<stream> <client>'

-- So many in one answer; the others come with the next one.
local AT_ONCE = 1000

local id, client_id = ARGV[2], ARGV[3]
if id == '' then return redis.call('ZRANGEBYSCORE', K.sessions, 0, now_ms(), 'LIMIT', 0, AT_ONCE) end
local pair = pair_of(id, client_id)
if not is_session(decode(redis.call('HGET', K.clients .. id, client_id))) then
  redis.call('ZREM', K.sessions, pair)
  return 'gone'
end
local ends = number_of(redis.call('ZSCORE', K.sessions, pair))
if not ends then prolong(id, client_id, UNKNOWN_MS) end
if not ends or ends > now_ms() then return 'lives' end
end_session(id, client_id, 'timeout')
return 'expired'
