import { BASE, TIME } from "./base.ts";
import { script } from "./script.ts";
import { TASK } from "./task.ts";

const RENEW_BODY = `
local owner, lease_ms, answers = arg(), arg(), {}
for i, name in ipairs(args()) do
  local fields = redis.call('HMGET', key('task', name), 'owner', 'version', 'cancel')
  local is_owned = fields[1] == owner
  if is_owned then redis.call('ZADD', key('leases'), 'XX', now + lease_ms, name) end
  answers[i] = fields[2] and { is_owned and '1' or '', fields[2], fields[3] }
end
return answers
`;

const LAPSED_BODY = `
local names = redis.call('ZRANGEBYSCORE', key('leases'), '-inf', now, 'LIMIT', 0, arg())
for i, name in ipairs(names) do names[i] = record(load(name)) end
return names
`;

export const RENEW = script(BASE, TIME, RENEW_BODY);
export const LAPSED = script(BASE, TIME, TASK, LAPSED_BODY);
