-- Adds webhooks, or replaces those with their URLs; these keep their progress. All of them or none.
-- ARGV: 2 JSON array of {url, text: the webhook as JSON, progress: as JSON, of one that is new}, 3 '1': only if Redis has lost them all,
--       4 how many there may be
-- Answer: 1, or 0 when there would be too many
if ARGV[3] == '1' and redis.call('EXISTS', K.webhooks) == 1 then return 1 end
local given = cjson.decode(ARGV[2])
local new = 0
for _, each in ipairs(given) do new = new + 1 - redis.call('HEXISTS', K.webhooks, each.url) end
redis.call('HSET', K.webhooks, '', '')
if redis.call('HLEN', K.webhooks) - 1 + new > tonumber(ARGV[4]) then return 0 end
for _, each in ipairs(given) do
  redis.call('HSET', K.webhooks, each.url, each.text)
  redis.call('HSETNX', K.webhookProgress, each.url, each.progress)
end
return 1
