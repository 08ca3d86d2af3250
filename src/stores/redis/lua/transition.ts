import { flag, list, text, WRITER } from "./arguments.ts";
import { CHANGING } from "./changing.ts";
import { LIMITS } from "./limits.ts";
import { script } from "./script.ts";

export const TRANSITION = script({
  does: "Changes a task, if it still has the version; an admission is checked against limits.",
  takes: [
    ...WRITER,
    text("name", "of the task"),
    text("from_version", "of its record"),
    flag("is_admission", "the limits are checked"),
    text("per_user", "how many may run for the user; '' is no limit"),
    text("per_session", "how many may run in the session; '' is no limit"),
    flag("begins_lease", "a new lease begins"),
    list("result", "its JSON, if there is one"),
    list("fields", "names and values in turn"),
    list("events", "each with its weight in front"),
  ],
  returns:
    "hints with the name and the record of the task, or with false and a limit; false: it has another version, or is gone",
  uses: [...CHANGING, LIMITS],
  body: `
local task = load_or_set_aside(name)
if not task then return false end
-- A client that has lost its connection may send again what was done.
if task.version ~= from_version then return task.changedBy == writer and { told, name, record(task) } end
local limit = is_admission and refuse_to_run(task, per_user, per_session)
if limit then return { told, false, limit } end

fields[#fields + 1], fields[#fields + 2] = 'changedBy', writer
if result[1] then fields[#fields + 1], fields[#fields + 2] = 'hasResult', '1' end
task = change(task, fields, events)
if result[1] then redis.call('SET', key('result', name), result[1]) end
if begins_lease then redis.call('ZADD', key('leases'), 'XX', now + task.leaseMs, name) end
return { told, name, record(task) }
`,
});
