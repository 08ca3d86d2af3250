import { DAMAGE } from "./damage.ts";
import { INDEXES } from "./indexes.ts";
import { HINTS, LOG } from "./log.ts";
import { PENDING } from "./pending.ts";
import { SESSIONS } from "./sessions.ts";
import { TASK } from "./task.ts";
import { NUMBERS, TIME } from "./values.ts";

/** All that may file a task anew goes through here, so that no index keeps what it was before. */
const REFILE = `
local function refile(task, fields, events)
  local new = setmetatable({}, { __index = task })
  for i = 1, #fields, 2 do new[fields[i]] = fields[i + 1] end
  local ends = FINISHED[new.status] and not FINISHED[task.status]
  if ends then
    new.endedAt = to_text(now)
    fields[#fields + 1], fields[#fields + 2] = 'endedAt', new.endedAt
  end
  local is_filed = is_filed_anew(task, new)
  if is_filed then remove_from[index_of(task)](task) end
  if ends then
    redis.call('ZREM', key('leases'), task.name)
    redis.call('DEL', key('payload', task.name))
  end
  log(new, events)
  redis.call('HSET', key('task', task.name), 'lastSeq', new.lastSeq, 'chars', new.chars, unpack(fields))
  if is_filed then add_to[index_of(new)](new) end
  return new
end
`;

/** A transition: fields are given as names and values in turn. */
const CHANGE = `
local function change(task, fields, events)
  local more = { 'version', to_text(task.version + 1), 'updatedAt', to_text(now) }
  for _, field in ipairs(more) do fields[#fields + 1] = field end
  local new = refile(task, fields, events)
  tell(new, to_text(task.lastSeq + 1))
  return new
end
`;

/** What a script needs that files a task, or may have to set one aside. */
export const FILING: readonly string[] = [NUMBERS, TIME, TASK, LOG, SESSIONS, PENDING, INDEXES, DAMAGE];

/** What a script needs that files a task anew, as it is or after a change that nobody is told of. */
export const REFILING: readonly string[] = [...FILING, REFILE];

/** What a script needs that changes a task: it takes the writer first. */
export const CHANGING: readonly string[] = [...REFILING, HINTS, CHANGE];
