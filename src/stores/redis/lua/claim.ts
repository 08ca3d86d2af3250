import { flag, number, text, WRITER } from "./arguments.ts";
import { CHANGING, REFILING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { WANTED } from "./next-session.ts";
import { script } from "./script.ts";

export const CLAIM = script({
  does: "Claims a session by name, whoever has found it: it is looked at again.",
  takes: [
    ...WRITER,
    text("session", "its name"),
    text("token", "that of the claim"),
    number("lease_ms", "how long it lasts, unless it is prolonged"),
    flag("is_asked_for", "somebody wants this session: what is delayed there comes too"),
    ...WANTED,
    text("counts_turn", "'1': the claim counts a turn if anything of it is acknowledged"),
  ],
  returns:
    "hints with the turns of the session, and names and records in turn; false: there is nothing to be claimed",
  uses: [...CHANGING, CLAIMS],
  body: `
local turns = turns_of(session)
-- What was deferred is no reason, but comes along.
local reasons, claimable = { 'due' }, { 'due', 'deferred' }
if is_asked_for then
  claimable[3] = 'released'
  reasons = claimable
end

-- When the oldest of those that give reason to claim has ended.
local function oldest()
  local since = math.huge
  for _, mode in ipairs(modes) do
    for _, state in ipairs(reasons) do
      local first = redis.call('ZRANGE', key(state, mode .. ':' .. session), 0, 0, 'WITHSCORES')
      if first[2] then since = math.min(since, tonumber(first[2])) end
    end
  end
  return since
end

local function all_ids()
  local lists = {}
  for _, mode in ipairs(MODES) do
    for _, state in ipairs(claimable) do lists[#lists + 1] = key(state, mode .. ':' .. session) end
  end
  return redis.call('ZUNION', #lists, unpack(lists))
end

local records = {}

-- No list of the session leads to it any more.
local function leave_session(id)
  for _, mode in ipairs(MODES) do
    for _, state in ipairs({ 'due', 'deferred', 'released' }) do
      redis.call('ZREM', key(state, mode .. ':' .. session), id)
    end
  end
  redis.call('ZREM', key('of_session', session), id)
end

local function claim_task(id)
  local task = find(session:match('^[^/]*') .. '/' .. id)
  -- One that is filed otherwise was left here when a list of its own was lost.
  if not task or index_of(task) ~= 'pending' then return leave_session(id) end
  local attempts = to_text(task.followUpAttempts + 1)
  redis.call('RPUSH', key('claimed', session), id)
  local fields = { 'claim', token, 'followUpStatus', '"claimed"', 'followUpAttempts', attempts }
  add_record(records, change(task, fields, {}))
end

local function claimed_before()
  for _, name in ipairs(claimed_in(session)) do
    local task = load_or_set_aside(name)
    if task then add_record(records, task) end
  end
  return { told, turns, records }
end

end_if_lapsed(session)
local current = redis.call('HGET', key('claim', session), 'token')
-- A client that has lost its connection may send again what was done.
if current == token then return claimed_before() end
if current then
  see_to_its_end(session)
  return false
end
if tonumber(turns) >= max_turns then return false end
local since = oldest()
if since == math.huge then
  regroup_in_all_modes(session)
  return false
end
if math.max(0, now - since) < min_age then return false end
local ids = all_ids()
redis.call('HSET', key('claim', session), 'token', token, 'counts', counts_turn,
  'leaseMs', to_text(lease_ms))
redis.call('ZADD', key('claims'), now + lease_ms, session)
for _, id in ipairs(ids) do claim_task(id) end
if #records == 0 then
  forget_claim(session)
  return false
end
return { told, turns, records }
`,
});

export const PROLONG = script({
  does: "Begins the lease of a claim anew.",
  takes: [
    text("session", "its name"),
    text("token", "that of the claim"),
    number("lease_ms", "how long it lasts from now on"),
  ],
  returns: "'1', or '' if the claim is over",
  uses: [...REFILING, CLAIMS],
  body: `
if not has_claim(session, token) then return '' end
redis.call('ZADD', key('claims'), now + lease_ms, session)
return '1'
`,
});
