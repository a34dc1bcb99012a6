-- Renews an incarnation's lease, stores its numbers, and returns the commands that wait for it.
-- ARGV: 2 incarnation, 3 worker id, 4 lease in ms, 5 processes, 6 'free' | 'busy' | 'full' (see placement.lua), 7 worker record as JSON or '',
--       8 why it drains or '', 9 how long it has been running, in ms,
--       10 what this worker's sessions have got since the last renewal, as JSON array of [stream, client, bytes, segments, last access in
--       ms, for how many ms from now it lasts],
--       11 the commands that the last answer has brought, as JSON array of their texts: until then they wait, because an answer may be lost,
--       12 grace time of streams in ms, 13 '1' when an earlier renewal has been answered,
--       14 this worker's samples as JSON, or '' when Redis has them,
--       15, 16, … for each client whose counters have changed: '<stream> <client>', '<connected at> <bytes> <segments> <last access>' and,
--       where there are any, ' <skips>'
-- Answer: {1 when the lease had not run out, how many clients it has, how often members have changed, Redis' clock in ms, command, …};
-- 'replaced' when a newer incarnation that lives has this worker id

-- As many fields as one command gets: Lua passes at most some thousands.
local FIELDS = 1000
-- As in sample.ts.
local SAMPLES_LIVE_MS = 2 * 3600 * 1000

-- Stores the counters of clients, and adds what has come since to the sums of their streams.
local function take_counters(incarnation, first)
  local key = K.countersPrefix .. incarnation
  local bytes, segments, accessed, uncounted = {}, {}, {}, {}
  for from = first, #ARGV - 1, 2 * FIELDS do
    local pairs_here, fields = {}, {}
    for at = from, math.min(from + 2 * FIELDS - 2, #ARGV - 1), 2 do pairs_here[#pairs_here + 1] = ARGV[at] end
    local stored = redis.call('HMGET', key, unpack(pairs_here))
    for n, pair in ipairs(pairs_here) do
      local text = ARGV[from + 2 * n - 1]
      local id = string.match(pair, '^%S+')
      local now_bytes, now_segments, now_accessed = counters_in(text)
      local had_bytes, had_segments = counters_in(stored[n])
      -- A client that has no counters has just left, or Redis has lost them.
      if not had_bytes and redis.call('SISMEMBER', K.clientsOfPrefix .. incarnation, pair) == 1 then
        uncounted[id], had_bytes, had_segments = true, now_bytes, now_segments
      end
      if now_bytes and had_bytes then
        bytes[id] = (bytes[id] or 0) + now_bytes - had_bytes
        segments[id] = (segments[id] or 0) + now_segments - had_segments
        accessed[id] = math.max(accessed[id] or 0, now_accessed)
        fields[#fields + 1], fields[#fields + 2] = pair, text
      end
    end
    if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
  end
  local ids = {}
  for id in pairs(bytes) do
    if uncounted[id] then recount_current(id) else ids[#ids + 1] = id end
  end
  for from = 1, #ids, FIELDS do
    local names, fields = {}, {}
    for at = from, math.min(from + FIELDS - 1, #ids) do names[#names + 1] = current_field(ids[at]) end
    local stored = redis.call('HMGET', K.summary, unpack(names))
    for n, name in ipairs(names) do
      local id = ids[from + n - 1]
      local had, pieces, read = sums_in(stored[n])
      if had then
        fields[#fields + 1] = name
        fields[#fields + 1] = sums_text(had + bytes[id], pieces + segments[id], math.max(read, accessed[id]))
      else
        recount_current(id)
      end
    end
    if #fields > 0 then redis.call('HSET', K.summary, unpack(fields)) end
  end
end

-- Adds what sessions have got, and prolongs them. What sessions got that have ended meanwhile stays with their streams. Returns those.
local function take_sessions(text)
  local ended = {}
  for _, report in ipairs(decode(text) or {}) do
    local id, client_id, bytes, segments, accessed, lasts = unpack(report)
    local client = decode(redis.call('HGET', K.clients .. id, client_id))
    if is_session(client) and client.id == client_id then
      add_to_session(id, client, bytes, segments, accessed)
      prolong(id, client_id, lasts)
    else
      credit(id, bytes, segments)
      show(id)
      ended[#ended + 1] = cjson.encode({ kind = 'ended', streamId = id, clientId = client_id })
    end
  end
  return ended
end

-- They outlive the worker, so that its last hour can be seen when it is gone.
local function take_samples(incarnation, text, now)
  redis.call('SET', K.samplesPrefix .. incarnation, text, 'PX', SAMPLES_LIVE_MS)
  redis.call('ZADD', K.sampled, string.format('%.0f', now), incarnation)
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', K.sampled, '-inf', string.format('%.0f', now - SAMPLES_LIVE_MS))) do
    redis.call('ZREM', K.sampled, gone)
  end
end

local incarnation, worker = ARGV[2], ARGV[3]
local newest = redis.call('HGET', K.newest, worker)
if newest and newest ~= incarnation and is_alive(newest) then return 'replaced' end
local now = string.format('%.0f', now_ms())
if redis.call('SET', K.born, now, 'NX') or redis.call('EXISTS', K.server) == 0 then
  redis.call('SET', K.server, server_id())
end
-- No number of an earlier registry can repeat, because that one counted on from its own time.
redis.call('SET', K.members, now .. '000', 'NX')
local unbroken = redis.call('EXISTS', K.leasePrefix .. incarnation)
redis.call('SET', K.leasePrefix .. incarnation, worker, 'PX', ARGV[4])
-- A worker of an earlier version takes sessions for clients of this incarnation, and looks whether it lives.
redis.call('SET', K.leasePrefix .. SESSIONS, SESSIONS, 'PX', ARGV[4])
redis.call('ZADD', K.leaseEnds, string.format('%.0f', tonumber(now) + tonumber(ARGV[4])), incarnation)
redis.call('HSET', K.newest, worker, incarnation)
redis.call('HSET', K.named, incarnation, worker)
if redis.call('SADD', K.incarnations, incarnation) == 1 then
  redis.call('INCR', K.members)
  local is_back = redis.call('EXISTS', K.endedPrefix .. incarnation) == 1
  -- Else Redis has lost that it is there.
  if is_back or ARGV[13] ~= '1' then tell_of_worker('worker_joined', worker, incarnation, { reason = is_back and 'back' or 'started' }) end
end
set_load(incarnation, ARGV[5], ARGV[6])
if ARGV[7] ~= '' then redis.call('HSET', K.workers, worker, ARGV[7]) end
if ARGV[14] ~= '' then take_samples(incarnation, ARGV[14], tonumber(now)) end
take_counters(incarnation, 15)
-- Else the worker first writes back what it holds.
local gone = unbroken == 1 and take_sessions(ARGV[10]) or {}
-- The way to Redis takes each renewal a little longer or shorter; only a clock that was set, or a lost key, is written.
local started = now_ms() - ARGV[9]
if math.abs(number_of(redis.call('HGET', K.started, incarnation), 0) - started) > 1000 then
  redis.call('HSET', K.started, incarnation, string.format('%.0f', started))
end
for _, heard in ipairs(cjson.decode(ARGV[11])) do redis.call('LREM', K.commandsPrefix .. incarnation, 1, heard) end
local answer = redis.call('LRANGE', K.commandsPrefix .. incarnation, 0, -1)
note_drain(incarnation, worker, ARGV[8], answer)
if unbroken == 1 then end_expired(tonumber(now))
elseif ARGV[13] == '1' then redis.call('SET', K.stoodStill, now, 'PX', ARGV[4]) end
end_idle(tonumber(ARGV[12]))
for _, each in ipairs(gone) do answer[#answer + 1] = each end
table.insert(answer, 1, unbroken)
table.insert(answer, 2, redis.call('SCARD', K.clientsOfPrefix .. incarnation))
table.insert(answer, 3, redis.call('GET', K.members) or '0')
table.insert(answer, 4, now)
return answer
