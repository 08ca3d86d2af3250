import { number, SEEN, text } from "./arguments.ts";
import { script } from "./script.ts";
import { TASK, VISIBLE } from "./task.ts";
import { NUMBERS } from "./values.ts";

export const GET = script({
  does: "Reads a task.",
  takes: SEEN,
  returns: "its record; nothing: there is none to be seen",
  uses: [TASK, VISIBLE],
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
  uses: [NUMBERS, TASK, VISIBLE],
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
  uses: [TASK, VISIBLE],
  body: `
local task = visible(name, session)
return task and redis.call('GET', key('result', name))
`,
});

export const PAYLOAD = script({
  does: "Reads what it takes to start a task again.",
  takes: [text("name", "of the task")],
  returns: "its input and its checkpoint, or false",
  body: `
local payload = redis.call('HMGET', key('payload', name), 'input', 'checkpoint')
return payload[1] and payload
`,
});
