import { type Argument, list, number } from "./arguments.ts";
import { REFILING } from "./changing.ts";
import { CATCH_UP, CLAIMS } from "./claims.ts";
import { script } from "./script.ts";

/** What is claimed of a session, as a filter says it. */
export const WANTED: readonly Argument[] = [
  list("modes", "those that give reason to claim"),
  number("min_age", "milliseconds for which the oldest of them has been complete"),
  number("max_turns", "the session has fewer"),
];

export const NEXT_SESSION = script({
  does: "Finds the session of the shard whose follow-up has been due for longest.",
  takes: WANTED,
  returns: "'1' or '': time has brought about more than could be caught up with; the session and since when",
  uses: [...REFILING, ...CLAIMS, CATCH_UP],
  body: `
local wanted = {}
for _, mode in ipairs(modes) do wanted[mode] = true end

-- The first of a group that belongs there. One may be left behind where Redis has evicted other keys of it.
local function first_of(group, mode, turns)
  for _ = 1, AT_ONCE do
    local first = redis.call('ZRANGE', key('sessions', group), 0, 0, 'WITHSCORES')
    local session = first[1]
    if not session then return nil end
    local is_due = redis.call('EXISTS', key('due', mode .. ':' .. session)) == 1
    if is_due and turns_of(session) == turns and not is_claimed(session) then return session, first[2] end
    leave_group(session, group)
    regroup(session, mode)
  end
end

local is_more = catch_up() and '1' or ''
local session, since
for _, group in ipairs(redis.call('SMEMBERS', key('groups'))) do
  local mode, turns = group:match('^(.-):(.*)$')
  if wanted[mode] and tonumber(turns) < max_turns then
    local first, first_since = first_of(group, mode, turns)
    if first and (not since or tonumber(first_since) < tonumber(since)) then session, since = first, first_since end
  end
end
-- If the oldest is too young, all are.
if not since or math.max(0, now - since) < min_age then return { is_more } end
return { is_more, session, since }
`,
});
