-- Who makes a feed: reads and writes the owner's record. Runs before every script, after prelude.lua and placement.lua.

-- The owner of a feed from its record: {incarnation, workerId, address, epoch}. For a living owner it looks up missing fields;
-- the second result is then true. Returns nothing when there is no owner, or none that can be reached.
local function owner_of(feed)
  local stored = redis.call('HMGET', K.ownerPrefix .. feed, 'incarnation', 'worker', 'address', 'epoch')
  if not stored[1] then return nil end
  local owner = { incarnation = stored[1], workerId = stored[2], address = stored[3], epoch = number_of(stored[4]) }
  local mended = false
  if not (owner.workerId and owner.address) then
    mended = true
    local worker = worker_of(stored[1])
    if not worker then return nil end
    owner.workerId, owner.address = worker.workerId, worker.address
  end
  if not owner.epoch then owner.epoch, mended = now_ms(), true end
  return owner, mended
end

-- Records who makes a feed.
local function set_owner(feed, owner, epoch)
  local before = redis.call('HGET', K.ownerPrefix .. feed, 'incarnation')
  if before then redis.call('SREM', K.feedsOfPrefix .. before, feed) end
  redis.call('HSET', K.ownerPrefix .. feed, 'incarnation', owner.incarnation, 'worker', owner.workerId,
    'address', owner.address, 'epoch', string.format('%.0f', epoch))
  redis.call('HDEL', K.ownerPrefix .. feed, 'handed')
  redis.call('SADD', K.feedsOfPrefix .. owner.incarnation, feed)
  local id, slot = stream_and_slot(feed)
  if id and tonumber(slot) == 0 then show(id) end
end

-- A worker learns from the others that it has been handed a feed. Until then it does not say that it makes it.
local HANDED_MS = 10000

-- Records that a worker makes a feed that has not asked for it itself.
local function hand(feed, owner, epoch)
  set_owner(feed, owner, epoch)
  redis.call('HSET', K.ownerPrefix .. feed, 'handed', string.format('%.0f', now_ms()))
end

-- Whether an incarnation that does not say that it makes a feed may not know yet that it owns it.
local function is_being_handed(feed, incarnation)
  local stored = redis.call('HMGET', K.ownerPrefix .. feed, 'incarnation', 'handed')
  -- Both ways: the clock of Redis may have been set back since.
  return stored[1] == incarnation and math.abs(now_ms() - number_of(stored[2], -HANDED_MS)) < HANDED_MS
end

-- Removes the owner's record of a feed, if it names this incarnation.
local function disown(feed, incarnation)
  if redis.call('HGET', K.ownerPrefix .. feed, 'incarnation') ~= incarnation then return false end
  redis.call('DEL', K.ownerPrefix .. feed)
  local id, slot = stream_and_slot(feed)
  if id and tonumber(slot) == 0 then show(id) end
  return true
end

-- Tells an incarnation that another one now owns a feed of its.
local function tell_lost(incarnation, feed)
  local owner = owner_of(feed)
  redis.call('RPUSH', K.commandsPrefix .. incarnation, cjson.encode({ kind = 'lost', feed = feed, owner = owner }))
end

-- The living worker that makes a feed although its record is lost: a Redis that is out of memory may drop any key.
local function holder_of(feed)
  for _, incarnation in ipairs(redis.call('SMEMBERS', K.incarnations)) do
    if redis.call('SISMEMBER', K.feedsOfPrefix .. incarnation, feed) == 1 and is_alive(incarnation) then
      local worker = worker_of(incarnation)
      if worker then
        return { incarnation = incarnation, workerId = worker.workerId, address = worker.address, epoch = now_ms() }
      end
    end
  end
end

-- Whether a question comes too late: who asked has given up, and goes on without the answer. Redis stood still meanwhile, so leases
-- of living workers have run out too.
local function is_late(me)
  return me.lateAtMs ~= nil and now_ms() > me.lateAtMs
end

-- The answer to it, if it is only slow: ask again after so many ms.
local ASK_AGAIN = { kind = 'wait', ms = 250 }

-- Who gets a feed that `me` asks for: its living owner, else `me`, else (me.capacity is not 'free') another worker.
-- `me`: {incarnation, workerId, address, capacity, source, waitMs, lateAtMs: when it has given up asking, in ms of Redis' clock};
-- returns a Place as in types.ts.
local function claim(feed, me)
  local key = K.ownerPrefix .. feed
  local owner, mended = owner_of(feed)
  if not owner and redis.call('HEXISTS', key, 'incarnation') == 0 then owner, mended = holder_of(feed), true end
  if owner and is_alive(owner.incarnation) then
    if mended then set_owner(feed, owner, owner.epoch) end
    if owner.incarnation ~= me.incarnation then return { kind = 'relay', owner = owner } end
    redis.call('HDEL', key, 'handed')
    return { kind = 'own', epoch = owner.epoch }
  end
  local now = now_ms()
  local stored = redis.call('HMGET', key, 'incarnation', 'epoch')
  -- '-': the owner is proven dead, so there is nobody to wait for.
  local left_ms = me.waitMs - complete_for(now)
  if stored[1] ~= '-' and left_ms > 0 then return { kind = 'wait', ms = left_ms } end
  -- A source opens where it is asked for; placement.lua places only processes.
  local chosen = { incarnation = me.incarnation, workerId = me.workerId, address = me.address }
  if stream_and_slot(feed) then chosen = place_process(me) end
  if not chosen then return { kind = 'full', draining = not takes_viewers() } end
  local epoch = math.max(number_of(stored[2], 0) + 1, now)
  if chosen.incarnation == me.incarnation then
    set_owner(feed, chosen, epoch)
    return { kind = 'own', epoch = epoch }
  end
  hand(feed, chosen, epoch)
  chosen.epoch = epoch
  return { kind = 'relay', owner = chosen }
end

-- Who makes a feed that nobody takes over: its living owner, or nothing when that is gone.
local function place_of_kept(feed, me)
  local owner = owner_of(feed)
  if not owner and redis.call('HEXISTS', K.ownerPrefix .. feed, 'incarnation') == 0 then owner = holder_of(feed) end
  if owner and is_alive(owner.incarnation) then
    if owner.incarnation == me.incarnation then return { kind = 'own', epoch = owner.epoch } end
    return { kind = 'relay', owner = owner }
  end
  -- Its worker may not have written it back yet.
  local left_ms = me.waitMs - complete_for(now_ms())
  if left_ms > 0 then return { kind = 'wait', ms = left_ms } end
end

-- The same for one that begins: whoever owns what has the same name has made it for somebody who has left.
local function place_of_begun(feed, me)
  local now = now_ms()
  local left_ms = me.waitMs - complete_for(now)
  if left_ms > 0 then return { kind = 'wait', ms = left_ms } end
  local epoch = math.max(number_of(redis.call('HGET', K.ownerPrefix .. feed, 'epoch'), 0) + 1, now)
  set_owner(feed, { incarnation = me.incarnation, workerId = me.workerId, address = me.address }, epoch)
  return { kind = 'own', epoch = epoch }
end
