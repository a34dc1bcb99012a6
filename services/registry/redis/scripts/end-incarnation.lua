-- Removes everything that an incarnation held. Idempotent.
-- ARGV: 2 incarnation, 3 '1': only if its lease has run out, 4 why it has ended, if the caller knows: 'stopped' | ''
-- Answer: 1 when it is gone
local incarnation = ARGV[2]
if ARGV[3] == '1' and is_alive(incarnation) then return 0 end
end_incarnation(incarnation, ARGV[4] ~= '' and ARGV[4] or nil)
return 1
