import { WAITS } from "./waits.ts";

/** Milliseconds that are left to a claim whose end was lost, and that does not know how long it lasts. */
const LEFT_MS = 60_000;

/**
 * A claim: a hash, a list of the tasks it has, and its end among those of all claims. A session that is free, and that
 * somebody waits for, is kept for them by a claim of nobody: so releases that know of no waits pass over it too.
 */
const CLAIM = `
local TURN_BY = { user = true, host = true, library = true }

-- The fields of a claim, none if there is none. 0.1.0 has not written whose turn it is.
local function claim_of(session)
  local flat, claim = redis.call('HGETALL', key('claim', session)), {}
  for i = 1, #flat, 2 do claim[flat[i]] = flat[i + 1] end
  if not TURN_BY[claim.by] then claim.by = 'library' end
  return claim
end

-- Whether somebody has the session of a claim.
local function is_held(claim) return claim.token and claim.token ~= '' end

-- A claim whose end Redis has evicted would never end.
local function see_to_its_end(session)
  if redis.call('ZSCORE', key('claims'), session) then return end
  local lease_ms = tonumber(claim_of(session).leaseMs) or ${LEFT_MS}
  redis.call('ZADD', key('claims'), now + lease_ms, session)
end

-- Greater than any before, and no less than the time: so it may be lost.
local function next_number()
  local last = tonumber(redis.call('GET', key('number')))
  local number = last and last < 2 ^ 53 and math.max(last + 1, now) or now
  redis.call('SET', key('number'), to_text(number))
  return to_text(number)
end

-- Returns the number of the turn.
local function begin_claim(session, token, lease_ms, by, counts)
  local number = next_number()
  redis.call('HSET', key('claim', session), 'token', token, 'by', by, 'counts', counts,
    'leaseMs', to_text(lease_ms), 'number', number)
  redis.call('ZADD', key('claims'), now + lease_ms, session)
  return number
end
`;

const CLAIMED = `
-- The names of a claim's tasks, from a place in its list on.
local function claimed_in(session, from)
  local user, ids = session:match('^[^/]*'), redis.call('LRANGE', key('claimed', session), from or 0, -1)
  local names = {}
  for i, id in ipairs(ids) do names[i] = user .. '/' .. id end
  return names
end

local function claimed_records(session, from)
  local records = {}
  for _, name in ipairs(claimed_in(session, from)) do
    local task = load_or_set_aside(name)
    if task then add_record(records, task) end
  end
  return records
end
`;

const ENDING = `
-- The session is kept for those who wait for it until they give up; 0: nobody waits.
local function forget_claim(session, kept_until)
  redis.call('DEL', key('claim', session), key('claimed', session))
  redis.call('ZREM', key('claims'), session)
  if kept_until > 0 then
    redis.call('HSET', key('claim', session), 'token', '', 'leaseMs', to_text(kept_until - now))
    redis.call('ZADD', key('claims'), kept_until, session)
  else
    redis.call('DEL', key('waits', session))
  end
  regroup_in_all_modes(session)
end

-- Gives back the follow-ups of a claim that was not settled in time.
local function end_claim(session)
  local kept_until = awaited_until(session)
  -- As this write takes no memory, Redis lets the script end even when its memory is full.
  redis.call('ZREM', key('claims'), session)
  local token = claim_of(session).token
  for _, name in ipairs(claimed_in(session)) do
    local task = load_or_set_aside(name)
    -- It may have been evicted, and its id taken by another.
    if task and task.claim == token then refile(task, { 'claim', '' }, {}) end
  end
  forget_claim(session, kept_until)
end

local function end_if_lapsed(session)
  local ends = redis.call('ZSCORE', key('claims'), session)
  if ends and tonumber(ends) <= now then end_claim(session) end
end

-- The claim with a token, if it is not over.
local function current_claim(session, token)
  end_if_lapsed(session)
  local claim = claim_of(session)
  if claim.token == token then return claim end
end
`;

export const CLAIMS: readonly string[] = [WAITS, CLAIM, CLAIMED, ENDING];

/** What time has brought about since somebody last looked: so much of it at once, and the result says if there is more. */
export const CATCH_UP = `
local AT_ONCE = 100

local function over(kind) return redis.call('ZRANGEBYSCORE', key(kind), '-inf', now, 'LIMIT', 0, AT_ONCE) end

local function catch_up()
  local claims, delays = over('claims'), over('delayed')
  for _, session in ipairs(claims) do end_claim(session) end
  for _, name in ipairs(delays) do
    local task = find(name)
    if task then
      end_delay(task)
      make_due(task)
    end
  end
  return #claims == AT_ONCE or #delays == AT_ONCE
end
`;
