-- Runs before every script. The clock is Redis's own; the keys come from keys.ts.
-- K: table of key names and prefixes, decoded from ARGV[1].
local K = cjson.decode(ARGV[1])

-- The keys of process feeds, as in feed-keys.ts: 'p:<stream>:<slot>'.
local function process_feed(id, slot)
  return 'p:' .. id .. ':' .. slot
end

-- The key of what one session gets of a source with an end: 'v:<stream>:<client>'.
local function film_feed(id, client_id)
  return 'v:' .. id .. ':' .. client_id
end

-- The stream and slot (a string) of a process feed; nothing for a source.
local function stream_and_slot(feed)
  return string.match(feed, '^p:(.*):(%d+)$')
end

-- The content of a record; nothing when it is not a JSON object. A bad record never ends a script.
local function decode(text)
  if type(text) ~= 'string' then return nil end
  local ok, value = pcall(cjson.decode, text)
  if ok and type(value) == 'table' then return value end
end

-- A valid count or time in ms; `otherwise` for anything else.
local function number_of(text, otherwise)
  local number = tonumber(text)
  if number and number >= 0 and number < 2 ^ 53 then return number end
  return otherwise
end

-- Adds to a count in a hash; a value that is not a number restarts at 0.
local function count_in(key, field, by)
  if not tonumber(redis.call('HGET', key, field) or 0) then redis.call('HDEL', key, field) end
  local sum = redis.pcall('HINCRBY', key, field, by)
  if type(sum) == 'number' then return sum end
  redis.call('HSET', key, field, by)
  return tonumber(by)
end

-- A list in one order: Redis promises none of its sets and hashes, and events have one.
local function sorted(list)
  table.sort(list)
  return list
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- For how long this registry has been complete, in ms. A clock of Redis that was set back counts as one that has just begun: else
-- everybody would wait until it has caught up.
local function complete_for(now)
  local born = number_of(redis.call('GET', K.born), now)
  if born <= now then return now - born end
  redis.call('SET', K.born, string.format('%.0f', now))
  return 0
end

-- What stands as the incarnation in the record of a session, which no incarnation owns; see sessions.lua.
local SESSIONS = 'sessions'

-- Nobody whom a bad record names is alive.
local function is_alive(incarnation)
  if type(incarnation) ~= 'string' then return false end
  return incarnation == SESSIONS or redis.call('EXISTS', K.leasePrefix .. incarnation) == 1
end

-- How long an incarnation has been taken for dead, in ms: a peer has proved its death, and it has not renewed its lease since. Only
-- people are told. Nothing for the others.
local function seized_for(incarnation, now)
  local ends, at = string.match(redis.call('HGET', K.seized, incarnation) or '', '^(%d+) (%d+)$')
  if not ends or tonumber(ends) ~= tonumber(redis.call('ZSCORE', K.leaseEnds, incarnation) or -1) then return nil end
  return math.max(0, now - tonumber(at))
end

-- Whether a stream has a viewer on a living worker other than `except`. Mostly the first few say so, of thousands.
-- Whoever is cut from its feed counts as one: see broadcasts.lua.
local function is_watched(id, except)
  if redis.call('EXISTS', K.recordersPrefix .. id) == 1 then return true end
  local cursor = '0'
  while cursor do
    local page = redis.call('HSCAN', K.clients .. id, cursor, 'COUNT', 20)
    for at = 2, #page[2], 2 do
      local client = decode(page[2][at])
      local incarnation = client and client.incarnation
      if incarnation ~= except and is_alive(incarnation) then return true end
    end
    cursor = page[1] ~= '0' and page[1] or nil
  end
  return false
end

-- See idle.ts.
local function is_idle(id, now, grace_ms, first_viewer_ms)
  if is_watched(id) then return false end
  local accessed = number_of(redis.call('ZSCORE', K.streamIds, id), 0)
  local watched = redis.call('HGET', K.spec .. id, 'watched') ~= '0'
  return now - accessed >= (watched and grace_ms or first_viewer_ms)
end

-- When a stream's source last moved, from its failover state as JSON.
local function moved_at(text)
  local state = decode(text)
  return state and math.max(number_of(state.lastAtMs, 0), number_of(state.begunAtMs, 0)) or -1
end

-- The id that this Redis process generated at its start.
local function server_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
end

-- The record of a living worker.
local function worker_of(incarnation)
  local worker = redis.call('GET', K.leasePrefix .. incarnation)
  local record = worker and decode(redis.call('HGET', K.workers, worker))
  if record and type(record.workerId) == 'string' and type(record.address) == 'string' then return record end
end

-- Counts the clients of each slot anew from their records.
local function recount(id)
  local counts = {}
  for _, text in ipairs(redis.call('HVALS', K.clients .. id)) do
    local client = decode(text)
    if client and type(client.slot) == 'number' then counts[client.slot] = (counts[client.slot] or 0) + 1 end
  end
  redis.call('DEL', K.slots .. id)
  for slot, number in pairs(counts) do redis.call('HSET', K.slots .. id, slot, number) end
end

-- The clients of each slot, by slot, and of all slots together.
local function slot_counts(id)
  local sum, counts = 0, {}
  local flat = redis.call('HGETALL', K.slots .. id)
  for at = 1, #flat, 2 do
    local slot = number_of(flat[at])
    if slot and slot == math.floor(slot) then
      counts[slot] = number_of(flat[at + 1], 0)
      sum = sum + counts[slot]
    end
  end
  return counts, sum
end

-- When a stream was deleted (-1: never), and whether that was only for lack of viewers.
local function deletion_of(id)
  local text = redis.call('GET', K.deletedPrefix .. id) or ''
  return number_of(string.match(text, '^%d+'), -1), string.match(text, ' idle$') ~= nil
end

-- Returns all provider connections of an incarnation.
local function drop_connections(incarnation)
  for _, pair in ipairs(redis.call('SMEMBERS', K.connectionsOfPrefix .. incarnation)) do
    local account, connection = string.match(pair, '^(%S+) (%S+)$')
    if account then redis.call('HDEL', K.connectionsPrefix .. account, connection) end
  end
  redis.call('DEL', K.connectionsOfPrefix .. incarnation)
end
