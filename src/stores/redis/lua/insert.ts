import { BASE, TIME, WRITE } from "./base.ts";
import { LIMITS } from "./limits.ts";
import { HINTS, LOG } from "./log.ts";
import { script } from "./script.ts";
import { SESSIONS } from "./sessions.ts";
import { SHELVES } from "./shelves.ts";
import { TASK } from "./task.ts";

const BODY = String.raw`
local task = named(arg())
task.session, task.duplicate, task.whose, task.rest = arg(), arg(), arg(), arg()
local per_user, per_session, queued_per_user, exclusive = arg(), arg(), arg(), arg()
local input, fields, events = args(), args(), args()
for i = 1, #fields, 2 do task[fields[i]] = fields[i + 1] end

-- The limit that keeps it out.
local function refuse()
  if exclusive == '1' and is_session_busy(task) then return 'exclusive' end
  if task.status == '"running"' then return refuse_to_run(task, per_user, per_session) end
  if task.status == '"queued"' and is_met(queued_per_user, task, '"queued"') then
    return 'queued_per_user'
  end
end

local known = load(task.name)
if known then return { told, 'inserted', record(known) } end
local equal = task.duplicate ~= '-' and redis.call('HGET', key('duplicates', task.user), task.duplicate)
if equal then return { told, 'duplicate', record(load(task.user .. '/' .. equal)) } end
local limit = refuse()
if limit then return { told, 'refused', limit } end

log(task, events)
if task.duplicate ~= '-' then fields[#fields + 1], fields[#fields + 2] = 'duplicate', task.duplicate end
fields[#fields + 1], fields[#fields + 2] = 'lastSeq', task.lastSeq
redis.call('HSET', key('task', task.name), 'session', task.session, 'chars', task.chars, unpack(fields))
redis.call('SET', key('call', task.name), task.whose .. '\n' .. task.rest)
if input[1] and not FINISHED[task.status] then redis.call('HSET', key('payload', task.name), 'input', input[1]) end
redis.call('ZADD', key('all', task.user), score(task.createdAt), task.id)
if task.session ~= '-' then
  redis.call('ZADD', key('in', session_of(task)), score(task.createdAt), task.id)
end
enter[shelf_of(task)](task)
tell(task, '1')
return { told, 'inserted', record(task) }
`;

export const INSERT = script(BASE, TIME, WRITE, TASK, LOG, HINTS, SESSIONS, SHELVES, LIMITS, BODY);
