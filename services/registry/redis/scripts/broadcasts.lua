-- Broadcasts: recordings, and the windows of network channels. Runs before every script, after prelude.lua.
-- K.broadcasts: broadcast id → '<programme> <1: it is to end> <order as JSON>'. The field '' stays: what was removed is not lost.
-- K.broadcastProgress: broadcast id → how far it is, as JSON; written by its owner alone
-- K.recordersPrefix .. <stream id>: set of the broadcasts that are cut from the stream's feed. While there is one, the stream is in use.
-- K.recorded: set of those streams

-- The programme of a broadcast, whether it is to end, and its order as JSON; nothing when there is none.
local function broadcast_of(id)
  local programme, stopped, order = string.match(redis.call('HGET', K.broadcasts, id) or '', '^(%d+) (%d) (.*)$')
  if programme then return tonumber(programme), stopped == '1', order end
end

-- A broadcast needs its stream no longer.
local function leave_stream(id)
  local _, _, text = broadcast_of(id)
  local order = decode(text)
  if not order or type(order.streamId) ~= 'string' then return end
  if redis.call('SREM', K.recordersPrefix .. order.streamId, id) == 1 then
    if redis.call('EXISTS', K.recordersPrefix .. order.streamId) == 0 then redis.call('SREM', K.recorded, order.streamId) end
    -- From now on it is idle after its grace time, as after its last viewer.
    if redis.call('ZSCORE', K.streamIds, order.streamId) then redis.call('ZADD', K.streamIds, now_ms(), order.streamId) end
  end
end
