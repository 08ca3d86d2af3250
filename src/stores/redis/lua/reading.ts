import { number, SEEN, text } from "./arguments.ts";
import { FILING } from "./changing.ts";
import { script } from "./script.ts";

/** A task for one who may be narrowed to a session. Whoever asks for a damaged one is told so. */
const VISIBLE = `
local function visible(name, session)
  local task = load_or_set_aside(name)
  if not task then refused = redis.call('HGET', key('damaged'), name) or '' end
  if task and session ~= '' and task.session ~= session then return nil end
  return task
end
`;
const READING: readonly string[] = [...FILING, VISIBLE];

export const GET = script({
  does: "Reads a task.",
  takes: SEEN,
  returns: "its record; nothing: there is none to be seen",
  uses: READING,
  body: `
local task = visible(name, session)
return task and record(task)
`,
});

export const EVENTS = script({
  does: "Reads a page of the events of a task.",
  takes: [
    ...SEEN,
    number("after", "the number that the first must be greater than"),
    number("limit", "how many at most"),
  ],
  returns:
    "the numbers of the first that is kept and of the first on the page, and the events; false: no such task",
  uses: READING,
  body: `
local task = visible(name, session)
if not task then return false end

local ring = key('log', name)
local first_seq = task.lastSeq - redis.call('LLEN', ring) + 1
local start = math.max(0, after + 1 - first_seq)
local events = limit > 0 and redis.call('LRANGE', ring, start, start + limit - 1) or {}
return { to_text(first_seq), to_text(first_seq + start), events }
`,
});

export const RESULT = script({
  does: "Reads the result of a task.",
  takes: SEEN,
  returns: "its JSON; nothing: there is none to be seen",
  uses: READING,
  body: `
local task = visible(name, session)
return task and redis.call('GET', key('result', name))
`,
});

export const PAYLOAD = script({
  does: "Reads what it takes to start a task again.",
  takes: [text("name", "of the task")],
  returns: "its input and its checkpoint, or false",
  uses: FILING,
  body: `
local payload = redis.pcall('HMGET', key('payload', name), 'input', 'checkpoint')
if payload.err then set_aside(name, 'its payload is no hash') end
return payload[1] and payload
`,
});

export const SET_ASIDE = script({
  does: "Sets a task aside of which a text turned out to be wrong.",
  takes: [text("name", "of the task"), text("reason", "why")],
  returns: "'1'",
  uses: FILING,
  body: `
if redis.call('EXISTS', key('task', name)) == 1 then set_aside(name, reason) end
return '1'
`,
});
