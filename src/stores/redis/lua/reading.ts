import { BASE } from "./base.ts";
import { script } from "./script.ts";
import { TASK, VISIBLE } from "./task.ts";

const GET_BODY = `
local task = visible(arg(), arg())
return task and record(task)
`;

const EVENTS_BODY = `
local task, after, limit = visible(arg(), arg()), tonumber(arg()), tonumber(arg())
if not task then return false end

local ring = key('log', task.name)
local first_seq = task.lastSeq - redis.call('LLEN', ring) + 1
local start = math.max(0, after + 1 - first_seq)
local events = limit > 0 and redis.call('LRANGE', ring, start, start + limit - 1) or {}
return { text(first_seq), text(first_seq + start), events }
`;

const RESULT_BODY = `
local task = visible(arg(), arg())
return task and redis.call('GET', key('result', task.name))
`;

const PAYLOAD_BODY = `
local payload = redis.call('HMGET', key('payload', arg()), 'input', 'checkpoint')
return payload[1] and payload
`;

const CHECKPOINT_BODY = `
local name, owner, checkpoint = arg(), arg(), arg()
-- A task that has ended has no payload any more.
if redis.call('EXISTS', key('payload', name)) == 0 then return '' end
if redis.call('HGET', key('task', name), 'owner') ~= owner then return '' end
redis.call('HSET', key('payload', name), 'checkpoint', checkpoint)
return '1'
`;

export const GET = script(BASE, TASK, VISIBLE, GET_BODY);
export const EVENTS = script(BASE, TASK, VISIBLE, EVENTS_BODY);
export const RESULT = script(BASE, TASK, VISIBLE, RESULT_BODY);
export const PAYLOAD = script(BASE, PAYLOAD_BODY);
export const CHECKPOINT = script(BASE, CHECKPOINT_BODY);
