-- Removes a stream with its clients, slots and feeds.
-- ARGV: 2 id
-- Answer: 1 when there was one
return delete_stream(ARGV[2], now_ms())
