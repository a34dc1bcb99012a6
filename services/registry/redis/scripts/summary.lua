-- What is read of all streams at once, kept up to date by every script that changes it. Runs before every script, after prelude.lua.
-- K.summary has two fields a stream:
--   <id>           '<viewers> <processes> <watched 0|1> <bytes> <segments> <epoch> <worker>': bytes and segments went to viewers who
--                  have left; epoch and worker are those of the owner of slot 0
--   <id>:current   '<bytes> <segments> <last access in ms>' of the viewers who are there; absent: to be counted anew
-- Decisions use the records themselves.

local function current_field(id) return id .. ':current' end

-- The key of a client in what is kept for its incarnation.
local function pair_of(id, client_id) return id .. ' ' .. client_id end

-- Bytes, segments and last access in ms of a client's counters '<connected at> <bytes> <segments> <last access>', which may have
-- ' <skips>' behind them.
local function counters_in(text)
  local bytes, segments, accessed = string.match(text or '', '^%d+ (%d+) (%d+) (%d+) ?%d*$')
  if bytes then return tonumber(bytes), tonumber(segments), tonumber(accessed) end
end

local function sums_in(text)
  local bytes, segments, accessed = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  if bytes then return tonumber(bytes), tonumber(segments), tonumber(accessed) end
end

local function sums_text(bytes, segments, accessed)
  return string.format('%.0f %.0f %.0f', math.max(bytes, 0), math.max(segments, 0), accessed)
end

-- Counts anew what the current viewers of a stream have got.
local function recount_current(id)
  local bytes, segments, accessed = 0, 0, 0
  local flat = redis.call('HGETALL', K.clients .. id)
  for at = 1, #flat, 2 do
    local client = decode(flat[at + 1])
    if client and type(client.incarnation) == 'string' then
      local text = redis.call('HGET', K.countersPrefix .. client.incarnation, pair_of(id, flat[at]))
      local more, pieces, read = counters_in(text)
      if more then bytes, segments, accessed = bytes + more, segments + pieces, math.max(accessed, read) end
    end
  end
  if #flat == 0 then redis.call('HDEL', K.summary, current_field(id))
  else redis.call('HSET', K.summary, current_field(id), sums_text(bytes, segments, accessed)) end
end

-- Adds to what the current viewers of a stream have got. False when that is unknown.
local function add_current(id, bytes, segments, accessed)
  local before, pieces, read = sums_in(redis.call('HGET', K.summary, current_field(id)))
  if not before then return false end
  local text = sums_text(before + bytes, pieces + segments, math.max(read, accessed))
  redis.call('HSET', K.summary, current_field(id), text)
  return true
end

-- Writes the counters of a client as its record has them; returns them.
local function put_counters(incarnation, id, client)
  local bytes, segments = number_of(client.bytesServed, 0), number_of(client.segmentsServed, 0)
  local accessed = number_of(client.lastAccessMs, 0)
  local text = string.format('%.0f %s', number_of(client.connectedAtMs, 0), sums_text(bytes, segments, accessed))
  redis.call('HSET', K.countersPrefix .. incarnation, pair_of(id, client.id), text)
  return bytes, segments, accessed
end

-- From now on the counters of a client whose record has just been written count. They may count already, where Redis had lost the
-- record alone.
local function begin_counting(incarnation, id, client)
  local had, pieces = counters_in(redis.call('HGET', K.countersPrefix .. incarnation, pair_of(id, client.id)))
  local bytes, segments, accessed = put_counters(incarnation, id, client)
  if not add_current(id, bytes - (had or 0), segments - (pieces or 0), accessed) then recount_current(id) end
end

-- The counters of a client count no longer; returns their text.
local function drop_counters(incarnation, id, client_id)
  local key, pair = K.countersPrefix .. incarnation, pair_of(id, client_id)
  local text = redis.call('HGET', key, pair)
  redis.call('HDEL', key, pair)
  local bytes, segments = counters_in(text)
  -- Without the counters nobody knows what this client's part of the sum is.
  if bytes then add_current(id, -bytes, -segments, 0) else redis.call('HDEL', K.summary, current_field(id)) end
  return text
end

-- Updates the summary of a stream and the hash that people read, which exists while the stream has viewers.
local function show(id)
  local clients = redis.call('HLEN', K.clients .. id)
  local spec = redis.call('HMGET', K.spec .. id, 'shownUrl', 'profileName', 'createdAtMs', 'watched', 'bytesServed', 'segmentsServed')
  local owner = redis.call('HMGET', K.ownerPrefix .. process_feed(id, 0), 'worker', 'epoch')
  local processes = redis.call('HLEN', K.slots .. id)
  if not spec[3] then
    redis.call('HDEL', K.summary, id, current_field(id))
  else
    redis.call('HSET', K.summary, id, string.format('%d %d %s %.0f %.0f %.0f %s', clients, processes,
      spec[4] == '0' and '0' or '1', number_of(spec[5], 0), number_of(spec[6], 0), number_of(owner[2], 0), owner[1] or ''))
  end
  if clients == 0 then
    redis.call('DEL', K.stream .. id)
    redis.call('HDEL', K.summary, current_field(id))
    return
  end
  redis.call('HSET', K.stream .. id, 'url', spec[1] or '', 'profile', spec[2] or '', 'created', spec[3] or '',
    'status', 'active', 'clients', clients, 'processes', processes,
    'owner', owner[1] or '', 'epoch', owner[2] or '')
end
