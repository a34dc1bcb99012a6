-- The rule that places a new process: which worker starts it. Runs before every script, after prelude.lua.
-- 1. The worker that asks, while it is free.
-- 2. Else the owner of the source, which saves a relay of it.
-- 3. Else the worker with the fewest processes; busy ones come last, full ones never.
-- 4. A busy worker takes a process only from a full worker. If no worker takes it, a busy worker that asks starts it itself.
-- 5. If no worker takes it and the worker that asks is full, none starts it.

-- A busy worker counts as running this many more processes, so that it comes after every free one.
local BUSY_PENALTY = 1000000

-- Records how much a worker runs. A full worker is not in the list, so it gets no process.
local function set_load(incarnation, processes, capacity)
  if capacity == 'full' then
    redis.call('ZREM', K.loads, incarnation)
  else
    redis.call('ZADD', K.loads, processes + (capacity == 'busy' and BUSY_PENALTY or 0), incarnation)
  end
end

-- A worker other than `me` that takes a process, by rules 2 to 4. From now on the process counts for that worker.
local function other_worker(me)
  local candidates = redis.call('ZRANGE', K.loads, 0, -1)
  local source = me.source and redis.call('HGET', K.ownerPrefix .. me.source, 'incarnation')
  if source then table.insert(candidates, 1, source) end
  for _, incarnation in ipairs(candidates) do
    local load = tonumber(redis.call('ZSCORE', K.loads, incarnation) or -1)
    local takes = load >= 0 and (load < BUSY_PENALTY or me.capacity == 'full')
    if takes and incarnation ~= me.incarnation and is_alive(incarnation) then
      local worker = worker_of(incarnation)
      if worker then
        redis.call('ZINCRBY', K.loads, 1, incarnation)
        return { incarnation = incarnation, workerId = worker.workerId, address = worker.address }
      end
    end
  end
end

-- The worker that starts a process that `me` asks for; nothing when every worker is full.
-- `me`: {incarnation, workerId, address, capacity: 'free' | 'busy' | 'full', source: the key of its source feed or nil}
local function place_process(me)
  local myself = { incarnation = me.incarnation, workerId = me.workerId, address = me.address }
  if me.capacity == 'free' then return myself end
  local other = other_worker(me)
  if not other and me.capacity == 'full' then return nil end
  return other or myself
end
