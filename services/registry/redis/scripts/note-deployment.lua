-- Keeps what ECS says it wants to run.
-- ARGV: 2 JSON {revision, createdAtMs, desiredCount}, 3 how long ago ECS was asked, in ms, 4 how long this counts, in ms
local deployment = cjson.decode(ARGV[2])
deployment.seenAtMs = now_ms() - tonumber(ARGV[3])
redis.call('SET', K.deployment, cjson.encode(deployment), 'PX', ARGV[4])
return 1
