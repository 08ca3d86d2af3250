import { CHANGING } from "./changing.ts";
import { CATCH_UP, CLAIMS } from "./claims.ts";
import { script } from "./script.ts";

const SWEEP_BODY = `
local limit, plain_weight = tonumber(arg()), arg()
local per_user, ttl_ms, waiting_ttl_ms, waiting_per_user =
  tonumber(arg()), tonumber(arg()), tonumber(arg()), tonumber(arg())
local expired, evicted = {}, 0

-- The first to have ended, if that is too long ago.
local function too_old(shelf, ttl)
  if ttl == math.huge then return nil end
  return redis.call('ZRANGEBYSCORE', key(shelf), '-inf', now - ttl, 'LIMIT', 0, 1)[1]
end

-- The first to have ended, of a user who has too many.
local function too_many(shelf, most)
  if most == math.huge then return nil end
  local user = redis.call('ZREVRANGEBYSCORE', key('crowd', shelf), '+inf', '(' .. most, 'LIMIT', 0, 1)[1]
  return user and user .. '/' .. redis.call('ZRANGE', key(shelf, user), 0, 0)[1]
end

local function expire(name)
  local event = ' {"at":' .. text(now) .. ',"type":"follow_up.dropped","reason":"expired"}'
  local fields = { 'followUpStatus', '"dropped"', 'followUpReason', '"expired"' }
  expired[#expired + 1] = record(change(load(name), fields, { plain_weight .. event }))
end

local function evict(name)
  local task = load(name)
  leave[shelf_of(task)](task)
  redis.call('ZREM', key('all', task.user), task.id)
  redis.call('ZREM', key('in', session_of(task)), task.id)
  for _, kind in ipairs({ 'task', 'call', 'log', 'result' }) do redis.call('UNLINK', key(kind, name)) end
  evicted = evicted + 1
end

-- What is next is found when the step before it was taken: who is expired may be evicted.
local function next_step()
  local name = too_old('waiting', waiting_ttl_ms) or too_many('waiting', waiting_per_user)
  if name then return expire, name end
  name = too_old('done', ttl_ms) or too_many('done', per_user)
  if name then return evict, name end
end

local function forget_turns()
  if ttl_ms == math.huge then return false end
  local sessions = redis.call('ZRANGEBYSCORE', key('turned'), '-inf', now - ttl_ms, 'LIMIT', 0, AT_ONCE)
  for _, session in ipairs(sessions) do reset_turns(session) end
  return #sessions == AT_ONCE
end

local is_behind, has_turns = catch_up(), forget_turns()
local step, name = next_step()
while step and #expired + evicted < limit do
  step(name)
  step, name = next_step()
end
local is_more = step or is_behind or has_turns
return { told, is_more and '1' or '', text(evicted), expired }
`;

export const SWEEP = script(...CHANGING, CLAIMS, CATCH_UP, SWEEP_BODY);
