/** Tasks of which parts are missing or cannot be read: at most so many are remembered for each shard. */
const MOST_REMEMBERED = 1_000;

/**
 * A damaged task is set aside: no index leads to it any more, its keys are named anew and stay, and why that is so is
 * remembered, so that whoever asks for it is told.
 */
export const DAMAGE = `
local PARTS = { 'task', 'call', 'log', 'result', 'payload' }

-- What limits count of a user, from the tasks themselves.
local function recount(user)
  redis.call('DEL', key('counts', user))
  for _, id in ipairs(redis.call('ZRANGE', key('unfinished', user), 0, -1)) do
    local fields = redis.pcall('HMGET', key('task', user .. '/' .. id), 'status', 'session')
    if not fields.err and UNFINISHED[fields[1]] and fields[2] then
      count_unfinished({ user = user, status = fields[1], session = fields[2] }, 1)
    end
  end
end

-- Its own key may be known no more.
local function forget_key(task)
  local keys = redis.pcall('HGETALL', key('keyed', task.user))
  for i = 2, #keys, 2 do
    if keys[i] == task.id then redis.call('HDEL', key('keyed', task.user), keys[i - 1]) end
  end
end

-- Its session may be known no more: what is filed by sessions is taken out where it is met.
local function leave_indexes(name)
  local task = named(name)
  redis.call('ZREM', key('leases'), name)
  redis.call('ZREM', key('delayed'), name)
  redis.call('ZREM', key('of_user', task.user), task.id)
  forget_key(task)
  for _, index in ipairs({ 'pending', 'done' }) do remove_by_end(task, index) end
  if redis.call('ZREM', key('unfinished', task.user), task.id) == 1 then recount(task.user) end
end

local function set_aside(name, reason)
  local place = key('task', name)
  for _, part in ipairs(PARTS) do
    if redis.call('EXISTS', key(part, name)) == 1 then
      local other = key('aside', part .. ':' .. name)
      redis.call('RENAME', key(part, name), other)
      if part == 'task' then place = other end
    end
  end
  leave_indexes(name)
  if redis.call('HEXISTS', key('damaged'), name) == 1 then return end
  if redis.call('HLEN', key('damaged')) < ${MOST_REMEMBERED} then
    redis.call('HSET', key('damaged'), name, place .. '\\n' .. reason)
  end
  for _, detail in ipairs({ name, place, reason }) do damages[#damages + 1] = detail end
end

-- A task that has a name here; one that is damaged is set aside.
local function load_or_set_aside(name)
  local task, reason = load(name)
  if reason then set_aside(name, reason) end
  return task
end

-- A task that an index leads to, so that there must be one.
local function find(name)
  local task, reason = load(name)
  if not task then set_aside(name, reason or 'it is missing') end
  return task
end
`;
