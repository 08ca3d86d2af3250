import { flag, list, text, WRITER } from "./arguments.ts";
import { FILING } from "./changing.ts";
import { LIMITS } from "./limits.ts";
import { HINTS } from "./log.ts";
import { script } from "./script.ts";

export const INSERT = script({
  does: "Writes a new task, unless it was asked for before, an equal one runs or a limit is met.",
  takes: [
    ...WRITER,
    text("name", "of the task"),
    text("session", "as a field of its tasks"),
    text("duplicate", "'+' and its duplicate key, or '-'"),
    text("idempotency", "'+' and its idempotency key, or '-'"),
    text("whose", "the line of its record that says whose it is"),
    text("rest", "the line with all that is no field"),
    text("per_user", "how many may run for the user; '' is no limit"),
    text("per_session", "how many may run in the session; '' is no limit"),
    text("queued_per_user", "how many may wait for the user; '' is no limit"),
    flag("is_exclusive", "the session must have no other that is unfinished"),
    list("input", "the call as JSON, if it is kept"),
    list("fields", "names and values in turn"),
    list("events", "each with its weight in front"),
  ],
  returns:
    "hints, 'inserted', 'repeated' or 'duplicate' with the name and the record of a task, or 'refused' with a limit",
  uses: [...FILING, HINTS, LIMITS],
  body: String.raw`
local task = named(name)
task.session, task.duplicate, task.idempotency = session, duplicate, idempotency
task.whose, task.rest = whose, rest
for i = 1, #fields, 2 do task[fields[i]] = fields[i + 1] end

-- The limit that keeps it out.
local function refuse()
  if is_exclusive and is_session_busy(task) then return 'exclusive' end
  if task.status == '"running"' then return refuse_to_run(task, per_user, per_session) end
  if task.status == '"queued"' and is_met(queued_per_user, task, '"queued"') then
    return 'queued_per_user'
  end
end

local known = load_or_set_aside(name)
if known then return { told, 'inserted', name, record(known) } end
-- Where another release has evicted it, its key leads to nothing.
local repeated = idempotency ~= '-' and redis.call('HGET', key('keyed', task.user), idempotency)
repeated = repeated and load_or_set_aside(task.user .. '/' .. repeated)
if repeated then return { told, 'repeated', repeated.name, record(repeated) } end
local equal = duplicate ~= '-' and redis.call('HGET', key('duplicates', task.user), duplicate)
equal = equal and find(task.user .. '/' .. equal)
if equal then return { told, 'duplicate', equal.name, record(equal) } end
local limit = refuse()
if limit then return { told, 'refused', limit } end

local first_seq = to_text(task.lastSeq + 1)
log(task, events)
if FINISHED[task.status] then
  task.endedAt = to_text(now)
  fields[#fields + 1], fields[#fields + 2] = 'endedAt', task.endedAt
end
if duplicate ~= '-' then fields[#fields + 1], fields[#fields + 2] = 'duplicate', duplicate end
if idempotency ~= '-' then fields[#fields + 1], fields[#fields + 2] = 'idempotency', idempotency end
fields[#fields + 1], fields[#fields + 2] = 'lastSeq', task.lastSeq
redis.call('HSET', key('task', name), 'session', session, 'chars', task.chars, unpack(fields))
redis.call('SET', key('call', name), whose .. '\n' .. rest)
if input[1] and not FINISHED[task.status] then redis.call('HSET', key('payload', name), 'input', input[1]) end
redis.call('ZADD', key('of_user', task.user), task.createdAt, task.id)
if session ~= '-' then
  redis.call('ZADD', key('of_session', session_of(task)), task.createdAt, task.id)
end
add_to[index_of(task)](task)
add_key(task)
-- What was damaged under this name is written anew.
redis.call('HDEL', key('damaged'), name)
tell(task, first_seq)
return { told, 'inserted', name, record(task) }
`,
});
