import { number, text, WRITER } from "./arguments.ts";
import { CHANGING } from "./changing.ts";
import { CATCH_UP, CLAIMS } from "./claims.ts";
import { script } from "./script.ts";

export const SWEEP = script({
  does: "Drops pending follow-ups, and evicts tasks that are done, which are too old or too many.",
  takes: [
    ...WRITER,
    number("limit", "how many tasks are touched at most"),
    text("plain_weight", "what an event without a text weighs"),
    number("done_per_user", "how many are kept"),
    number("done_ttl_ms", "for how long they are kept, and the turns of a session"),
    number("pending_ttl_ms", "for how long they are kept"),
    number("pending_per_user", "how many are kept"),
  ],
  returns:
    "hints with '1' or '': there is more to do, how many were evicted, and the records that have expired",
  uses: [...CHANGING, ...CLAIMS, CATCH_UP],
  body: `
local expired, evicted = {}, 0

-- The first to have ended, if that is too long ago.
local function too_old(index, ttl)
  if ttl == math.huge then return nil end
  return redis.call('ZRANGEBYSCORE', key(index), '-inf', now - ttl, 'LIMIT', 0, 1)[1]
end

-- The first to have ended, of a user who has too many.
local function too_many(index, most)
  if most == math.huge then return nil end
  local user = redis.call('ZREVRANGEBYSCORE', key('users', KINDS[index]), '+inf', '(' .. most, 'LIMIT', 0, 1)[1]
  if not user then return nil end
  local id = redis.call('ZRANGE', key(index, user), 0, 0)[1]
  if id then return user .. '/' .. id end
  -- Where Redis has evicted a user's index, the number of what was there is wrong.
  count_user(index, user)
  return too_many(index, most)
end

-- One that is filed otherwise was left there when another list was lost.
local function find_filed(name, index)
  local task = find(name)
  if task and index_of(task) == index then return task end
  remove_by_end(task or named(name), index)
end

local function expire(name)
  local event = ' {"at":' .. to_text(now) .. ',"type":"follow_up.dropped","reason":"expired"}'
  local fields = { 'followUpStatus', '"dropped"', 'followUpReason', '"expired"' }
  local task = find_filed(name, 'pending')
  if task then add_record(expired, change(task, fields, { plain_weight .. event })) end
end

local function evict(name)
  local task = find_filed(name, 'done')
  if not task then return end
  remove_from[index_of(task)](task)
  remove_key(task)
  redis.call('ZREM', key('of_user', task.user), task.id)
  redis.call('ZREM', key('of_session', session_of(task)), task.id)
  for _, kind in ipairs({ 'task', 'call', 'log', 'result' }) do redis.call('UNLINK', key(kind, name)) end
  evicted = evicted + 1
end

-- What is next is found when the step before it was taken: who is expired may be evicted.
local function next_step()
  local name = too_old('pending', pending_ttl_ms) or too_many('pending', pending_per_user)
  if name then return expire, name end
  name = too_old('done', done_ttl_ms) or too_many('done', done_per_user)
  if name then return evict, name end
end

local function forget_turns()
  if done_ttl_ms == math.huge then return false end
  local sessions = redis.call('ZRANGEBYSCORE', key('counted'), '-inf', now - done_ttl_ms, 'LIMIT', 0, AT_ONCE)
  for _, session in ipairs(sessions) do reset_turns(session) end
  return #sessions == AT_ONCE
end

local is_behind, has_turns = catch_up(), forget_turns()
local step, name = next_step()
local touched = 0
while step and touched < limit do
  step(name)
  touched = touched + 1
  step, name = next_step()
end
local is_more = step or is_behind or has_turns
return { told, is_more and '1' or '', to_text(evicted), expired }
`,
});
