-- What all workers say alike of a stream: what was offered first under a name.
-- ARGV: 2 stream id, 3 name, 4 what is offered ('' for nothing), 5 for how many ms it is kept after the last offer
-- Answer: what they have agreed on, or false
local key = K.agreedPrefix .. ARGV[2]
local agreed = redis.call('HGET', key, ARGV[3])
if ARGV[4] == '' then return agreed end
if not agreed then redis.call('HSET', key, ARGV[3], ARGV[4]) end
redis.call('PEXPIRE', key, tonumber(ARGV[5]))
return agreed or ARGV[4]
