import { BASE, TIME } from "./base.ts";
import { CHANGING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { LOG } from "./log.ts";
import { script } from "./script.ts";
import { SESSIONS } from "./sessions.ts";
import { REFILE, SHELVES } from "./shelves.ts";
import { TASK } from "./task.ts";

/** Milliseconds in which a client has connected again, or has given up. */
const KNOWN_MS = 60_000;

const SETTLE_BODY = `
local session, token, plain_weight = arg(), arg(), arg()
local named_outcomes, outcomes = args(), {}
for i = 1, #named_outcomes, 3 do
  outcomes[named_outcomes[i]] = { type = named_outcomes[i + 1], value = named_outcomes[i + 2] }
end

local function event(body) return { plain_weight .. ' {"at":' .. text(now) .. ',"type":' .. body .. '}' } end

-- The fields that change, and the events.
local settle = {
  acknowledge = function() return { 'followUpStatus', '"delivered"' }, event('"follow_up.delivered"') end,
  drop = function(_, reason)
    local fields = { 'followUpStatus', '"dropped"', 'followUpReason', reason }
    return fields, event('"follow_up.dropped","reason":' .. reason)
  end,
  release = function(_, delay_ms)
    return { 'followUpStatus', '"pending"', 'dueAt', text(now + delay_ms), 'isDeferred', '' }, {}
  end,
  defer = function(task, delay_ms)
    local attempts = text(task.followUpAttempts - 1)
    local delay = { 'dueAt', text(now + delay_ms), 'isDeferred', '1' }
    return { 'followUpStatus', '"pending"', 'followUpAttempts', attempts, unpack(delay) }, {}
  end,
}

local function settle_task(task)
  local outcome = outcomes[task.id] or { type = 'defer', value = '0' }
  local fields, events = settle[outcome.type](task, outcome.value)
  fields[#fields + 1], fields[#fields + 2] = 'claim', ''
  return change(task, fields, events)
end

local function acknowledges()
  for _, outcome in pairs(outcomes) do
    if outcome.type == 'acknowledge' then return true end
  end
  return false
end

-- Answers the record, if there was something to settle.
local function settle_taken(name)
  local task = load(name)
  -- It may have been evicted, and its id taken by another.
  if not task or task.claim ~= token then return nil end
  if task.followUpStatus == '"claimed"' then return settle_task(task) end
  -- Whoever has dropped a follow-up in the meantime has settled it.
  refile(task, { 'claim', '' }, {})
end

-- A client that has lost its connection may send again what was done: that is known for a while.
local function settled_before()
  local settled = redis.call('LRANGE', key('settled', session), 0, -1)
  if settled[1] ~= writer then return false end
  local records = {}
  for i = 2, #settled do
    local task = load(settled[i])
    records[#records + 1] = task and record(task)
  end
  return { told, records }
end

local function keep_in_mind(names)
  redis.call('DEL', key('settled', session))
  redis.call('RPUSH', key('settled', session), writer)
  for _, name in ipairs(names) do redis.call('RPUSH', key('settled', session), name) end
  redis.call('PEXPIRE', key('settled', session), ${KNOWN_MS})
end

if not has_claim(session, token) then return settled_before() end
-- As this write takes no memory, Redis lets the script end even when its memory is full.
redis.call('ZREM', key('claims'), session)
local names, records = {}, {}
for _, name in ipairs(taken_by(session)) do
  local task = settle_taken(name)
  if task then
    names[#names + 1], records[#records + 1] = name, record(task)
  end
end
-- Whatever was dropped in the meantime, the turn was run.
if acknowledges() and redis.call('HGET', key('claim', session), 'counts') == '1' then
  redis.call('HINCRBY', key('turns'), session, 1)
  redis.call('ZADD', key('turned'), now, session)
end
forget_claim(session)
keep_in_mind(names)
return { told, records }
`;

const PROLONG_BODY = `
local session, token, lease_ms = arg(), arg(), arg()
if not has_claim(session, token) then return '' end
redis.call('ZADD', key('claims'), now + lease_ms, session)
return '1'
`;

const RESET_BODY = `
reset_turns(arg())
return '1'
`;

export const SETTLE = script(...CHANGING, CLAIMS, SETTLE_BODY);
export const PROLONG = script(BASE, TIME, TASK, LOG, SESSIONS, SHELVES, REFILE, CLAIMS, PROLONG_BODY);
export const RESET_TURNS = script(BASE, SESSIONS, RESET_BODY);
