import { list, number, text } from "./arguments.ts";
import { script } from "./script.ts";
import { TASK } from "./task.ts";
import { TIME } from "./values.ts";

export const RENEW = script({
  does: "Begins the leases of an owner's tasks anew.",
  takes: [
    text("owner", "as JSON"),
    number("lease_ms", "how long the leases are"),
    list("names", "of the tasks"),
  ],
  returns: "for each name whether the owner has it, '1' or '', its version and its cancel; false: it is gone",
  uses: [TIME],
  body: `
local answers = {}
for i, name in ipairs(names) do
  local fields = redis.call('HMGET', key('task', name), 'owner', 'version', 'cancel')
  local is_owned = fields[1] == owner
  if is_owned then redis.call('ZADD', key('leases'), 'XX', now + lease_ms, name) end
  answers[i] = fields[2] and { is_owned and '1' or '', fields[2], fields[3] }
end
return answers
`,
});

export const LAPSED = script({
  does: "Finds tasks whose lease is over.",
  takes: [text("limit", "how many at most")],
  returns: "their records",
  uses: [TIME, TASK],
  body: `
local records = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now, 'LIMIT', 0, limit)
for i, name in ipairs(records) do records[i] = record(load(name)) end
return records
`,
});
