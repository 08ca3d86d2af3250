import { flag, number, text, WRITER } from "./arguments.ts";
import { CHANGING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { WANTED } from "./next-session.ts";
import { script } from "./script.ts";
import { TAKING } from "./taking.ts";

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
    "hints with the number of the turn, the turns of the session, and names and records in turn; false: there is nothing to be claimed",
  uses: [...CHANGING, ...CLAIMS, TAKING],
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

end_if_lapsed(session)
local claim = claim_of(session)
-- A client that has lost its connection may send again what was done.
if claim.token == token then return { told, claim.number, turns, claimed_records(session) } end
if claim.token then
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
local turn = begin_claim(session, token, lease_ms, 'library', counts_turn)
local records = take(session, pending_in(session, claimable), token, 'library')
if #records == 0 then
  forget_claim(session, awaited_until(session))
  return false
end
return { told, turn, turns, records }
`,
});
