import { flag, list, text, WRITER } from "./arguments.ts";
import { CHANGING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { script } from "./script.ts";
import { TAKING } from "./taking.ts";

/** Milliseconds in which a client has connected again, or has given up. */
const KNOWN_MS = 60_000;

export const SETTLE = script({
  does: "Ends a claim, follow-up by follow-up; one that is not named is deferred. Or settles a part, and the claim goes on.",
  takes: [
    ...WRITER,
    text("session", "its name"),
    text("token", "that of the claim"),
    text("plain_weight", "what an event without a text weighs"),
    flag("keeps", "only those that are named are settled, and the claim goes on"),
    text("free_hint", "what others are told if the session is free then, and somebody waits for it"),
    list("outcomes", "the id of a task, what becomes of its follow-up, and the delay or the reason, in turn"),
  ],
  returns: "hints with the names and records of what was changed, in turn; false: the claim is over",
  uses: [...CHANGING, ...CLAIMS, TAKING],
  body: `
local claim, outcome_of = current_claim(session, token), {}
for i = 1, #outcomes, 3 do
  outcome_of[outcomes[i]] = { type = outcomes[i + 1], detail = outcomes[i + 2] }
end

local function event(body) return { plain_weight .. ' {"at":' .. to_text(now) .. ',"type":' .. body .. '}' } end

-- The fields that change, and the events.
local settle = {
  acknowledge = function() return { 'followUpStatus', '"delivered"' }, event('"follow_up.delivered"') end,
  drop = function(_, reason)
    local fields = { 'followUpStatus', '"dropped"', 'followUpReason', reason }
    return fields, event('"follow_up.dropped","reason":' .. reason)
  end,
  release = function(_, delay_ms)
    return { 'followUpStatus', '"pending"', 'dueAt', to_text(now + delay_ms), 'isDeferred', '' }, {}
  end,
  defer = function(task, delay_ms)
    local moment = to_text(now + delay_ms)
    return { 'followUpStatus', '"pending"', 'dueAt', moment, 'isDeferred', '1', cost_of(task, claim.by, -1) }, {}
  end,
}

local function settle_task(task)
  local outcome = outcome_of[task.id] or { type = 'defer', detail = '0' }
  local fields, events = settle[outcome.type](task, outcome.detail)
  fields[#fields + 1], fields[#fields + 2] = 'claim', ''
  return change(task, fields, events)
end

local function acknowledges()
  for _, outcome in pairs(outcome_of) do
    if outcome.type == 'acknowledge' then return true end
  end
  return false
end

-- Returns the record, if there was something to settle.
local function settle_claimed(name)
  local task = load_or_set_aside(name)
  -- It may have been evicted, and its id taken by another.
  if not task or task.claim ~= token then return nil end
  local is_open = task.followUpStatus == '"claimed"'
  if keeps then
    if not is_open or not outcome_of[task.id] then return nil end
    redis.call('LREM', key('claimed', session), 1, task.id)
  end
  if is_open then return settle_task(task) end
  -- Whoever has dropped a follow-up in the meantime has settled it.
  refile(task, { 'claim', '' }, {})
end

-- A client that has lost its connection may send again what was done: that is known for a while.
local function settled_before()
  local settled = redis.call('LRANGE', key('settled', session), 0, -1)
  if settled[1] ~= writer then return false end
  local records = {}
  for i = 2, #settled do
    local task = load_or_set_aside(settled[i])
    if task then add_record(records, task) end
  end
  return { told, records }
end

local function keep_in_mind(names)
  redis.call('DEL', key('settled', session))
  redis.call('RPUSH', key('settled', session), writer)
  for _, name in ipairs(names) do redis.call('RPUSH', key('settled', session), name) end
  redis.call('PEXPIRE', key('settled', session), ${KNOWN_MS})
end

local before = (keeps or not claim) and settled_before()
if before or not claim then return before end
local kept_until = awaited_until(session)
-- As this write takes no memory, Redis lets the script end even when its memory is full.
if not keeps then redis.call('ZREM', key('claims'), session) end
local names, records = {}, {}
for _, name in ipairs(claimed_in(session)) do
  local task = settle_claimed(name)
  if task then
    names[#names + 1] = name
    add_record(records, task)
  end
end
-- Whatever was dropped in the meantime, the turn was run.
if acknowledges() and claim.counts == '1' then
  if keeps then redis.call('HSET', key('claim', session), 'counts', '') end
  redis.call('HINCRBY', key('turns'), session, 1)
  redis.call('ZADD', key('counted'), now, session)
end
if not keeps then forget_claim(session, kept_until) end
keep_in_mind(names)
if not keeps and kept_until > 0 then told[#told + 1] = free_hint end
return { told, records }
`,
});
