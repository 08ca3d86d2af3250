/** Milliseconds that are left to a claim whose end was lost, and that does not know how long it lasts. */
const LEFT_MS = 60_000;

/** A claim: a hash with its token, a list of the tasks it has, and its end among those of all claims. */
export const CLAIMS = `
-- A claim whose end Redis has evicted would never end.
local function see_to_its_end(session)
  if redis.call('ZSCORE', key('claims'), session) then return end
  local lease_ms = tonumber(redis.call('HGET', key('claim', session), 'leaseMs') or ${LEFT_MS})
  redis.call('ZADD', key('claims'), now + lease_ms, session)
end

local function claimed_in(session)
  local user, ids = session:match('^[^/]*'), redis.call('LRANGE', key('claimed', session), 0, -1)
  local names = {}
  for i, id in ipairs(ids) do names[i] = user .. '/' .. id end
  return names
end

local function forget_claim(session)
  redis.call('DEL', key('claim', session), key('claimed', session))
  redis.call('ZREM', key('claims'), session)
  regroup_in_all_modes(session)
end

-- Gives back the follow-ups of a claim that was not settled in time.
local function end_claim(session)
  -- As this write takes no memory, Redis lets the script end even when its memory is full.
  redis.call('ZREM', key('claims'), session)
  local token = redis.call('HGET', key('claim', session), 'token')
  for _, name in ipairs(claimed_in(session)) do
    local task = load_or_set_aside(name)
    -- It may have been evicted, and its id taken by another.
    if task and task.claim == token then refile(task, { 'claim', '' }, {}) end
  end
  forget_claim(session)
end

local function end_if_lapsed(session)
  local ends = redis.call('ZSCORE', key('claims'), session)
  if ends and tonumber(ends) <= now then end_claim(session) end
end

local function has_claim(session, token)
  end_if_lapsed(session)
  return redis.call('HGET', key('claim', session), 'token') == token
end
`;

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
