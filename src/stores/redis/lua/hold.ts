import { flag, list, number, text, WRITER } from "./arguments.ts";
import { CHANGING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { script } from "./script.ts";
import { TAKING } from "./taking.ts";

const MAX_HOLDS = number("max_holds", "what was in so many holds does not come along");

export const HOLD = script({
  does: "Leases a session for a turn that needs nothing to wait there, or says who has it.",
  takes: [
    ...WRITER,
    text("session", "its name"),
    text("token", "that of the claim"),
    text("claimant", "who asks"),
    number("lease_ms", "how long it lasts, unless it is prolonged"),
    text("by", "whose turn it is"),
    flag("takes", "what is pending comes along"),
    MAX_HOLDS,
    number("wait_ms", "how long the session is kept for who asks while it is free, if it cannot be had now"),
  ],
  returns:
    "hints with '', the number of the turn, the turns of the session, and names and records in turn; or with whose turn it is now, false: nobody's, and another has waited longer",
  uses: [...CHANGING, ...CLAIMS, TAKING],
  body: `
-- What is delayed comes along too, but not what has made others fail.
local function takable()
  local tasks = {}
  for _, task in ipairs(pending_in(session, { 'due', 'deferred', 'released' })) do
    if holds_of(task) < max_holds then tasks[#tasks + 1] = task end
  end
  return tasks
end

end_if_lapsed(session)
local claim = claim_of(session)
-- A client that has lost its connection may send again what was done.
if claim.token == token then
  return { told, '', claim.number, turns_of(session), claimed_records(session) }
end
local _, first = waits_for(session)
-- As this write takes no memory, Redis lets the script end even when its memory is full: who speaks has a turn all the same.
local place = end_wait(session, claimant)
local has_session = is_held(claim)
if has_session or first and first ~= claimant then
  if has_session then see_to_its_end(session) end
  if wait_ms > 0 then begin_wait(session, claimant, place, wait_ms) end
  return { told, has_session and claim.by }
end
redis.call('DEL', key('claim', session))
if by == 'user' then reset_turns(session) end
local turn = begin_claim(session, token, lease_ms, by, '')
local records = takes and take(session, takable(), token, by) or {}
-- What was left is not to be found there meanwhile.
regroup_in_all_modes(session)
return { told, '', turn, turns_of(session), records }
`,
});

export const EXTEND = script({
  does: "Takes into a claim what is pending in its session by now, by the terms of how it was made.",
  takes: [
    ...WRITER,
    text("session", "its name"),
    text("token", "that of the claim"),
    list("modes", "those that give reason to take anything"),
    MAX_HOLDS,
  ],
  returns: "hints with the names and records of what was taken, in turn; false: the claim is over",
  uses: [...CHANGING, ...CLAIMS, TAKING],
  body: `
local claim = current_claim(session, token)
if not claim then return false end
-- A client that has lost its connection may send again what was done.
if claim.extendedBy == writer then return { told, claimed_records(session, claim.extendedFrom) } end

local wanted = {}
for _, mode in ipairs(modes) do wanted[mode] = true end

local function is_takable(task)
  if claim.by ~= 'library' then return holds_of(task) < max_holds end
  return task.isDeferred == '1' or tonumber(task.dueAt) <= now
end

local tasks, has_reason = {}, false
for _, task in ipairs(pending_in(session, { 'due', 'deferred', 'released' })) do
  if is_takable(task) then
    tasks[#tasks + 1] = task
    has_reason = has_reason or wanted[mode_of(task)]
  end
end
if not has_reason then return { told, {} } end
local from = to_text(redis.call('LLEN', key('claimed', session)))
redis.call('HSET', key('claim', session), 'extendedBy', writer, 'extendedFrom', from)
return { told, take(session, tasks, token, claim.by) }
`,
});
