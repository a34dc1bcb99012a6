-- Streams that fail over together: same URL, other sources, headers. Runs before every script, after summary.lua.
-- K.groupPrefix .. <group> is a hash:
--   :state       where they play: a failover state as JSON
--   <stream id>  '', for each stream of the group
-- Each stream's own field `failover` is a copy, written in the same step: who reads streams needs nothing else, a worker of an earlier
-- version included. Such a worker moves one stream alone; `settle` then brings the others after it.

local STATE = ':state'

local function text_of(value) return type(value) == 'string' and value or '' end

-- The group of a stream; nothing for a stream that has only one source. Kept with the stream, whoever has created it.
local function group_of(id)
  local stored = redis.call('HMGET', K.spec .. id, 'group', 'spec')
  if stored[1] then return stored[1] ~= '' and stored[1] or nil end
  local spec = decode(stored[2])
  if not spec then return nil end
  local urls, names, values = {}, {}, {}
  for _, url in ipairs(type(spec.failoverUrls) == 'table' and spec.failoverUrls or {}) do urls[#urls + 1] = text_of(url) end
  for name, value in pairs(type(spec.headers) == 'table' and spec.headers or {}) do
    local lower = string.lower(tostring(name))
    names[#names + 1] = lower
    values[lower] = text_of(value)
  end
  local resolver = text_of(spec.failoverResolverUrl)
  local page = type(spec.page) == 'table' and text_of(spec.page.key) or ''
  local group = ''
  if #urls > 0 or resolver ~= '' or page ~= '' then
    table.sort(names)
    local headers = {}
    for _, name in ipairs(names) do headers[#headers + 1] = { name, values[name] } end
    local parts = { text_of(spec.url), urls, resolver, text_of(spec.userAgent), headers }
    if page ~= '' then parts[#parts + 1] = page end
    group = redis.sha1hex(cjson.encode(parts))
  end
  redis.call('HSET', K.spec .. id, 'group', group)
  return group ~= '' and group or nil
end

-- The streams that move together with a stream, itself among them.
local function members_of(id)
  local group = group_of(id)
  local members = { id }
  if not group then return members end
  for _, other in ipairs(redis.call('HKEYS', K.groupPrefix .. group)) do
    if other ~= STATE and other ~= id then
      if redis.call('HGET', K.spec .. other, 'group') == group then members[#members + 1] = other
      else redis.call('HDEL', K.groupPrefix .. group, other) end
    end
  end
  return members
end

-- Writes where a stream and all others of its group play; returns those.
local function put_state(id, state)
  local group, members = group_of(id), members_of(id)
  if group then redis.call('HSET', K.groupPrefix .. group, STATE, state, id, '') end
  for _, member in ipairs(members) do redis.call('HSET', K.spec .. member, 'failover', state) end
  return members
end

-- Where a stream plays, as JSON. Of what it says and what its group says, that counts which moved last.
local function settle(id)
  local own, group = redis.call('HGET', K.spec .. id, 'failover'), group_of(id)
  if not own or not group then return own end
  local stored = redis.call('HMGET', K.groupPrefix .. group, STATE, id)
  if not stored[1] or moved_at(own) > moved_at(stored[1]) then
    put_state(id, own)
    return own
  end
  if not stored[2] then redis.call('HSET', K.groupPrefix .. group, id, '') end
  if stored[1] ~= own then redis.call('HSET', K.spec .. id, 'failover', stored[1]) end
  return stored[1]
end

-- Whether no other stream of the group is in use.
local function others_are_idle(id, now, grace_ms, first_viewer_ms)
  for _, member in ipairs(members_of(id)) do
    if member ~= id and not is_idle(member, now, grace_ms, first_viewer_ms) then return false end
  end
  return true
end

-- Puts a stream and its group to their primary source. What a backup turned out to be does not count for that.
local function begin_anew(id, now)
  local spec = decode(redis.call('HGET', K.spec .. id, 'spec'))
  if not spec then return end
  -- The clock of the worker that has moved it last may be ahead. Of two states the later one counts.
  local begun_ms = math.max(now, moved_at(settle(id)) + 1)
  local begun = cjson.encode({ index = -1, attempts = 0, currentUrl = spec.url, begunAtMs = begun_ms })
  for _, member in ipairs(put_state(id, begun)) do redis.call('HSET', K.spec .. member, 'unshareable', '0') end
end

-- A stream leaves its group; with the last one the group goes.
local function leave_group(id)
  local group = redis.call('HGET', K.spec .. id, 'group')
  if not group or group == '' then return end
  redis.call('HDEL', K.groupPrefix .. group, id)
  if redis.call('HLEN', K.groupPrefix .. group) <= 1 then redis.call('DEL', K.groupPrefix .. group) end
end

-- Writes a new stream with its time of creation; removes everything that was there before, but not that it plays.
local function put_stream(id, fields, now)
  leave_group(id)
  local playing = redis.call('HGET', K.spec .. id, 'playing')
  redis.call('DEL', K.spec .. id, K.deletedPrefix .. id)
  for field, value in pairs(fields) do redis.call('HSET', K.spec .. id, field, value) end
  if playing then redis.call('HSET', K.spec .. id, 'playing', playing) end
  redis.call('ZADD', K.streamIds, now, id)
end
