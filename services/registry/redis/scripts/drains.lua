-- Which workers take viewers, and which have been told not to. Runs before every script, after prelude.lua.
-- K.drains holds for an incarnation why it drains: 'told' | 'deployment' | 'stopping'; or 'back', when it is about to take viewers
-- again. The worker's own record says the same, up to one renewal later. Where both are there, this one is right.

local function drain_of(incarnation, record)
  local noted = redis.call('HGET', K.drains, incarnation)
  if noted then return noted ~= 'back' and noted or nil end
  if record and record.draining == true then
    return type(record.drainReason) == 'string' and record.drainReason or 'told'
  end
end

-- Whether a living worker other than `except` takes viewers.
local function takes_viewers(except)
  for _, incarnation in ipairs(redis.call('SMEMBERS', K.incarnations)) do
    if incarnation ~= except and is_alive(incarnation) then
      local record = worker_of(incarnation)
      if record and not drain_of(incarnation, record) then return true end
    end
  end
  return false
end

-- From now on a worker drains for this reason.
local function begin_drain(incarnation, worker, reason)
  redis.call('HSET', K.drains, incarnation, reason)
  local events_say = { told = 'asked', stopping = 'signal', deployment = 'deployment' }
  tell_of_worker('worker_draining', worker, incarnation, { reason = events_say[reason] or reason })
end

-- A renewal says why the worker drains ('': it takes viewers). A command that has not reached it yet still counts.
local function note_drain(incarnation, worker, reason, commands)
  local noted = redis.call('HGET', K.drains, incarnation)
  local pending
  for _, text in ipairs(commands) do
    local command = decode(text)
    if command and (command.kind == 'drain' or command.kind == 'undrain') then pending = command.kind end
  end
  if reason == 'told' or reason == '' then
    if noted == 'told' and pending == 'drain' or noted == 'back' and pending == 'undrain' then return end
  end
  if reason == '' then
    if noted then redis.call('HDEL', K.drains, incarnation) end
  elseif noted ~= reason then
    begin_drain(incarnation, worker, reason)
  end
end
