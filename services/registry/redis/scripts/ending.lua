-- How incarnations end. Runs before every script, after ownership.lua.

-- A lease must be over for so long: after Redis stood still all workers renew theirs within a second.
local LEASE_OVER_MS = 1000

-- Why an incarnation without a lease has ended.
local function why_ended(incarnation, worker)
  local newest = worker and redis.call('HGET', K.newest, worker)
  return newest and newest ~= incarnation and 'replaced' or 'died'
end

-- Removes everything that an incarnation held. Idempotent.
-- reason: 'stopped', or nothing when it has not said so itself
local function end_incarnation(incarnation, reason)
  local worker = redis.call('HGET', K.named, incarnation)
  reason = reason or why_ended(incarnation, worker)
  local clients_lost = redis.call('SCARD', K.clientsOfPrefix .. incarnation)
  for _, pair in ipairs(sorted(redis.call('SMEMBERS', K.clientsOfPrefix .. incarnation))) do
    local id, client_id = string.match(pair, '^(%S+) (.*)$')
    if id then
      count_out_dead(id, client_id, incarnation)
      -- From now on it may be idle: its viewers are moving to another worker.
      if redis.call('EXISTS', K.spec .. id) == 1 then redis.call('ZADD', K.streamIds, now_ms(), id) end
      show(id)
    end
  end
  -- What is left counts clients of which Redis has lost everything else.
  for _, pair in ipairs(sorted(redis.call('HKEYS', K.countersPrefix .. incarnation))) do
    local id, client_id = string.match(pair, '^(%S+) (.*)$')
    if id then
      count_out_dead(id, client_id, incarnation)
      show(id)
    end
  end
  for _, feed in ipairs(redis.call('SMEMBERS', K.feedsOfPrefix .. incarnation)) do
    disown(feed, incarnation)
  end
  drop_connections(incarnation)
  for _, text in ipairs(redis.call('HVALS', K.workers)) do
    local record = decode(text)
    if record and record.incarnation == incarnation and type(record.workerId) == 'string' then
      redis.call('HDEL', K.workers, record.workerId)
    end
  end
  for _, name in ipairs(redis.call('HKEYS', K.newest)) do
    if redis.call('HGET', K.newest, name) == incarnation then redis.call('HDEL', K.newest, name) end
  end
  redis.call('DEL', K.leasePrefix .. incarnation, K.clientsOfPrefix .. incarnation, K.feedsOfPrefix .. incarnation,
    K.countersPrefix .. incarnation, K.commandsPrefix .. incarnation)
  redis.call('ZREM', K.loads, incarnation)
  redis.call('ZREM', K.leaseEnds, incarnation)
  local was_member = redis.call('SREM', K.incarnations, incarnation)
  -- Also what a worker of a version that does not know these keys has left when it ended another incarnation.
  for _, key in ipairs({ K.drains, K.started, K.restores, K.named, K.told, K.seized }) do
    for _, each in ipairs(redis.call('HKEYS', key)) do
      if redis.call('SISMEMBER', K.incarnations, each) == 0 then redis.call('HDEL', key, each) end
    end
  end
  if was_member == 0 then return end
  redis.call('INCR', K.members)
  redis.call('DEL', K.endedClientsPrefix .. incarnation)
  -- It may live all the same, and come back: then all its viewers are told of again.
  if reason == 'stopped' then redis.call('DEL', K.endedPrefix .. incarnation)
  else redis.call('SET', K.endedPrefix .. incarnation, '1', 'PX', REMEMBERED_MS) end
  tell_of_worker('worker_left', worker, incarnation, { reason = reason, clients_lost = clients_lost })
end

-- Ends the incarnations that have not renewed their lease, unless Redis stood still a moment ago: then a worker that lives has found its
-- own lease ended, and what it had sent meanwhile comes all at once, before the others have sent anything.
local function end_expired(now)
  if redis.call('EXISTS', K.stoodStill) == 1 then return end
  for _, incarnation in ipairs(redis.call('ZRANGEBYSCORE', K.leaseEnds, '-inf', string.format('%.0f', now - LEASE_OVER_MS), 'LIMIT', 0, 1)) do
    if is_alive(incarnation) then redis.call('ZADD', K.leaseEnds, string.format('%.0f', now), incarnation)
    else end_incarnation(incarnation) end
  end
end
