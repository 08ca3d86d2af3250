import { list, number, text } from "./arguments.ts";
import { FILING } from "./changing.ts";
import { script } from "./script.ts";

export const RENEW = script({
  does: "Begins the leases of an owner's tasks anew.",
  takes: [
    text("owner", "as JSON"),
    number("lease_ms", "how long the leases are"),
    list("names", "of the tasks"),
  ],
  returns: "for each name whether the owner has it, '1' or '', its version and its cancel; false: it is gone",
  uses: FILING,
  body: `
local function renew(name)
  local fields = redis.pcall('HMGET', key('task', name), 'status', 'owner', 'version', 'cancel')
  local is_unfinished = not fields.err and UNFINISHED[fields[1]]
  if not is_unfinished and (fields.err or not FINISHED[fields[1]]) or not tonumber(fields[3]) then
    -- Of one that is gone, and that nothing leads to, there is nothing to tell.
    if fields.err or fields[1] or redis.call('ZSCORE', key('leases'), name) then find(name) end
    return false
  end
  local is_owned = fields[2] == owner
  if is_owned and is_unfinished then redis.call('ZADD', key('leases'), now + lease_ms, name) end
  return { is_owned and '1' or '', fields[3], fields[4] or 'null' }
end

local answers = {}
for i, name in ipairs(names) do answers[i] = renew(name) end
return answers
`,
});

export const LAPSED = script({
  does: "Finds tasks whose lease is over.",
  takes: [text("limit", "how many at most")],
  returns: "their names and records, in turn",
  uses: FILING,
  body: `
local records = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now, 'LIMIT', 0, limit)) do
  local task = find(name)
  if task then add_record(records, task) end
end
return records
`,
});
