/**
 * Where a task is filed, by what it takes to find it. It is in exactly one of these indexes: unfinished, pending
 * (its follow-up is to be delivered), claimed (it is being delivered), or done.
 */
export const INDEXES = `
local function index_of(task)
  if not FINISHED[task.status] then return 'unfinished' end
  if task.followUpStatus ~= '"pending"' and task.followUpStatus ~= '"claimed"' then return 'done' end
  return task.claim == '' and 'pending' or 'claimed'
end

-- Whether a task is filed otherwise than before.
local function is_filed_anew(task, new)
  return task.status ~= new.status or (task.cancel == 'null') ~= (new.cancel == 'null')
    or task.followUpMode ~= new.followUpMode or task.endedAt ~= new.endedAt
    or index_of(task) ~= index_of(new)
end

local function count(hash, field, by)
  if redis.call('HINCRBY', hash, field, by) <= 0 then redis.call('HDEL', hash, field) end
end

-- What limits count, by status: of the user, and of the session.
local function count_unfinished(task, by)
  local counts = key('counts', task.user)
  count(counts, task.status, by)
  if task.session ~= '-' then count(counts, task.status .. task.session, by) end
end

-- How many tasks each user has in an index, so that a sweep finds who has too many.
local function count_user(index, user)
  local users, tasks = key('users', KINDS[index]), redis.call('ZCARD', key(index, user))
  if tasks == 0 then redis.call('ZREM', users, user) else redis.call('ZADD', users, tasks, user) end
end

-- By their ends: those of the user, and all.
local function add_by_end(task, index)
  redis.call('ZADD', key(index, task.user), ended_at(task), task.id)
  redis.call('ZADD', key(index), ended_at(task), task.name)
  count_user(index, task.user)
end

local function remove_by_end(task, index)
  redis.call('ZREM', key(index, task.user), task.id)
  redis.call('ZREM', key(index), task.name)
  count_user(index, task.user)
end

-- Whoever asks for it again finds it, for as long as it is kept.
local function add_key(task)
  if task.idempotency ~= '-' then redis.call('HSET', key('keyed', task.user), task.idempotency, task.id) end
end

local function remove_key(task)
  local keys = key('keyed', task.user)
  if task.idempotency ~= '-' and redis.call('HGET', keys, task.idempotency) == task.id then
    redis.call('HDEL', keys, task.idempotency)
  end
end

local add_to = {
  unfinished = function(task)
    redis.call('ZADD', key('unfinished', task.user), task.createdAt, task.id)
    redis.call('ZADD', key('leases'), 'NX', now + task.leaseMs, task.name)
    if task.duplicate ~= '-' and task.cancel == 'null' then
      redis.call('HSET', key('duplicates', task.user), task.duplicate, task.id)
    end
    count_unfinished(task, 1)
  end,
  pending = function(task)
    if tonumber(task.dueAt) > now then delay(task) else make_due(task) end
    add_by_end(task, 'pending')
  end,
  -- A claim has its own list of them.
  claimed = function() end,
  done = function(task) add_by_end(task, 'done') end,
}

-- The first write of each takes no memory: Redis then lets the script end, even when its memory is full.
local remove_from = {
  unfinished = function(task)
    redis.call('ZREM', key('unfinished', task.user), task.id)
    if task.duplicate ~= '-' and redis.call('HGET', key('duplicates', task.user), task.duplicate) == task.id then
      redis.call('HDEL', key('duplicates', task.user), task.duplicate)
    end
    count_unfinished(task, -1)
  end,
  pending = function(task)
    end_delay(task)
    end_due(task)
    remove_by_end(task, 'pending')
  end,
  claimed = function() end,
  done = function(task) remove_by_end(task, 'done') end,
}
`;
