import { BASE, TIME } from "./base.ts";
import { CHANGING } from "./changing.ts";
import { CATCH_UP, CLAIMS } from "./claims.ts";
import { LOG } from "./log.ts";
import { script } from "./script.ts";
import { SESSIONS } from "./sessions.ts";
import { REFILE, SHELVES } from "./shelves.ts";
import { TASK } from "./task.ts";

/** Which session of a shard has waited longest: its name and since when. */
const PEEK_BODY = `
local modes, min_age, max_turns, wanted = args(), tonumber(arg()), tonumber(arg()), {}
for _, mode in ipairs(modes) do wanted[mode] = true end

local is_more = catch_up() and '1' or ''
local session, since
for _, lane in ipairs(redis.call('SMEMBERS', key('lanes'))) do
  local mode, turns = lane:match('^(.-):(.*)$')
  if wanted[mode] and tonumber(turns) < max_turns then
    local first = redis.call('ZRANGE', key('lane', lane), 0, 0, 'WITHSCORES')
    if not since or tonumber(first[2]) < tonumber(since) then session, since = first[1], first[2] end
  end
end
-- If the oldest is too young, all are.
if not since or math.max(0, now - since) < min_age then return { is_more } end
return { is_more, session, since }
`;

/** Claims a session by name, whoever has found it: it is looked at again. */
const CLAIM_BODY = `
local session, token, lease_ms, is_asked_for = arg(), arg(), arg(), arg() == '1'
local modes, min_age, max_turns, counts = args(), tonumber(arg()), tonumber(arg()), arg()
local turns = turns_of(session)
-- Who asks for a session gets what is delayed there too. What has not failed is no reason, but comes along.
local reasons, taken = { 'due:' }, { 'due:', 'deferred:' }
if is_asked_for then
  taken[3] = 'late:'
  reasons = taken
end

-- When the oldest of those that give reason to claim has ended.
local function oldest()
  local since = math.huge
  for _, mode in ipairs(modes) do
    for _, kind in ipairs(reasons) do
      local first = redis.call('ZRANGE', key(kind .. mode, session), 0, 0, 'WITHSCORES')
      if first[2] then since = math.min(since, tonumber(first[2])) end
    end
  end
  return since
end

local function all_ids()
  local lists = {}
  for _, mode in ipairs(MODES) do
    for _, kind in ipairs(taken) do lists[#lists + 1] = key(kind .. mode, session) end
  end
  return redis.call('ZUNION', #lists, unpack(lists))
end

local records = {}

local function take(id)
  local task = load(session:match('^[^/]*') .. '/' .. id)
  local attempts = text(task.followUpAttempts + 1)
  redis.call('RPUSH', key('taken', session), id)
  local fields = { 'claim', token, 'followUpStatus', '"claimed"', 'followUpAttempts', attempts }
  records[#records + 1] = record(change(task, fields, {}))
end

local function taken_before()
  for _, name in ipairs(taken_by(session)) do
    local task = load(name)
    if task then records[#records + 1] = record(task) end
  end
  return { told, turns, records }
end

end_if_lapsed(session)
local holder = redis.call('HGET', key('claim', session), 'token')
-- A client that has lost its connection may send again what was done.
if holder == token then return taken_before() end
if holder or tonumber(turns) >= max_turns then return false end
local since = oldest()
if since == math.huge or math.max(0, now - since) < min_age then return false end
local ids = all_ids()
redis.call('HSET', key('claim', session), 'token', token, 'counts', counts)
redis.call('ZADD', key('claims'), now + lease_ms, session)
for _, id in ipairs(ids) do take(id) end
return { told, turns, records }
`;

export const PEEK = script(BASE, TIME, TASK, LOG, SESSIONS, SHELVES, REFILE, CLAIMS, CATCH_UP, PEEK_BODY);
export const CLAIM = script(...CHANGING, CLAIMS, CLAIM_BODY);
