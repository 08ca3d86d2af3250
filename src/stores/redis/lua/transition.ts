import { BASE, TIME, WRITE } from "./base.ts";
import { CHANGING } from "./changing.ts";
import { LIMITS } from "./limits.ts";
import { HINTS, LOG } from "./log.ts";
import { script } from "./script.ts";
import { TASK } from "./task.ts";

/** A transition, or an admission: that is held to limits, and begins a new lease. */
const TRANSITION_BODY = `
local task, version = load(arg()), arg()
local admits, per_user, per_session, begins_lease = arg() == '1', arg(), arg(), arg() == '1'
local result, fields, events = args(), args(), args()

if not task then return false end
-- A client that has lost its connection may send again what was done.
if task.version ~= version then return task.changedBy == writer and { told, record(task) } end
local limit = admits and refuse_to_run(task, per_user, per_session)
if limit then return { told, false, limit } end

fields[#fields + 1], fields[#fields + 2] = 'changedBy', writer
task = change(task, fields, events)
if result[1] then redis.call('SET', key('result', task.name), result[1]) end
if begins_lease then redis.call('ZADD', key('leases'), 'XX', now + task.leaseMs, task.name) end
return { told, record(task) }
`;

const APPEND_BODY = `
local task, owner, fields, events = load(arg()), arg(), args(), args()

if not task then return { told, '0' } end
-- A client that has lost its connection may send again what was done.
if task.appendedBy == writer then return { told, task.appendedUpTo } end
if FINISHED[task.status] or task.owner ~= owner then return { told, '0' } end

local first_seq = text(task.lastSeq + 1)
log(task, events)
redis.call('HSET', key('task', task.name), 'lastSeq', task.lastSeq, 'chars', task.chars,
  'updatedAt', text(now), 'appendedBy', writer, 'appendedUpTo', task.lastSeq, unpack(fields))
tell(task, first_seq)
return { told, task.lastSeq }
`;

export const TRANSITION = script(...CHANGING, LIMITS, TRANSITION_BODY);
export const APPEND = script(BASE, TIME, WRITE, TASK, LOG, HINTS, APPEND_BODY);
