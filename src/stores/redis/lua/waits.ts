/** Milliseconds after which nobody waits any more, however long they said: what Redis takes for the end of a key. */
const LONGEST_MS = 2 ** 52;

/** Who waits for a session, each for a while. */
export const WAITS = `
-- Until when somebody waits; 0: nobody does.
local function awaited_until(session)
  local last = redis.call('ZRANGE', key('waits', session), -1, -1, 'WITHSCORES')
  local ends = tonumber(last[2])
  return ends and ends > now and ends or 0
end

local function end_wait(session, claimant) redis.call('ZREM', key('waits', session), claimant) end

-- The key lasts as long as somebody waits.
local function begin_wait(session, claimant, wait_ms)
  local ends = now + math.min(wait_ms, ${LONGEST_MS})
  redis.call('ZADD', key('waits', session), ends, claimant)
  local left = math.ceil(math.max(ends, awaited_until(session)) - now)
  redis.call('PEXPIRE', key('waits', session), to_text(left))
end
`;
