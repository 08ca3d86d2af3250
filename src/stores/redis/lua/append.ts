import { list, text, WRITER } from "./arguments.ts";
import { FILING } from "./changing.ts";
import { HINTS } from "./log.ts";
import { script } from "./script.ts";

export const APPEND = script({
  does: "Logs events of an unfinished task for its owner.",
  takes: [
    ...WRITER,
    text("name", "of the task"),
    text("owner", "as JSON"),
    list("fields", "what the events change, names and values in turn"),
    list("events", "each with its weight in front"),
  ],
  returns: "hints with the number of the last event; '0' if nothing was written",
  uses: [...FILING, HINTS],
  body: `
local task = load_or_set_aside(name)
if not task then return { told, '0' } end
-- A client that has lost its connection may send again what was done.
if task.appendedBy == writer then return { told, task.appendedUpTo } end
if FINISHED[task.status] or task.owner ~= owner then return { told, '0' } end

local first_seq = to_text(task.lastSeq + 1)
log(task, events)
redis.call('HSET', key('task', name), 'lastSeq', task.lastSeq, 'chars', task.chars,
  'updatedAt', to_text(now), 'appendedBy', writer, 'appendedUpTo', task.lastSeq, unpack(fields))
tell(task, first_seq)
return { told, task.lastSeq }
`,
});

export const CHECKPOINT = script({
  does: "Replaces the checkpoint of an unfinished task for its owner.",
  takes: [text("name", "of the task"), text("owner", "as JSON"), text("checkpoint", "as JSON")],
  returns: "'1', or '' if nothing was written",
  uses: FILING,
  body: `
-- A task that has ended has no payload any more.
if redis.call('EXISTS', key('payload', name)) == 0 then return '' end
local task = load_or_set_aside(name)
if not task or task.owner ~= owner then return '' end
redis.call('HSET', key('payload', name), 'checkpoint', checkpoint)
return '1'
`,
});
