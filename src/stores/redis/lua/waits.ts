/** Milliseconds after which nobody waits any more, however long they said: what Redis takes for the end of a key. */
const LONGEST_MS = 2 ** 52;

/** Who waits for a session, each for a while: by claimant, its place and its end. What is no such wait is none. */
export const WAITS = `
-- The place and the end of a wait that is not over.
local function read_wait(text)
  local place, ends = (text or ''):match('^(%d+) (%d+)$')
  place, ends = tonumber(place), tonumber(ends)
  if ends and ends > now then return place, ends end
end

-- Until when somebody waits, 0: nobody does; who has waited longest; and the last place.
local function waits_for(session)
  local flat, last_end, first, first_place, last_place = redis.call('HGETALL', key('waits', session)), 0, nil, nil, 0
  for i = 1, #flat, 2 do
    local place, ends = read_wait(flat[i + 1])
    if place then
      last_end, last_place = math.max(last_end, ends), math.max(last_place, place)
      if not first or place < first_place then first, first_place = flat[i], place end
    end
  end
  return last_end, first, last_place
end

local function awaited_until(session) return (waits_for(session)) end

-- Returns its place, if it was not over.
local function end_wait(session, claimant)
  local place = read_wait(redis.call('HGET', key('waits', session), claimant))
  redis.call('HDEL', key('waits', session), claimant)
  return place
end

-- Behind all others, unless it has a place. The key lasts as long as somebody waits.
local function begin_wait(session, claimant, place, wait_ms)
  local last_end, _, last_place = waits_for(session)
  place = place or last_place + 1
  local ends = now + math.min(math.ceil(wait_ms), ${LONGEST_MS})
  redis.call('HSET', key('waits', session), claimant, to_text(place) .. ' ' .. to_text(ends))
  redis.call('PEXPIRE', key('waits', session), to_text(math.ceil(math.max(ends, last_end) - now)))
end
`;
