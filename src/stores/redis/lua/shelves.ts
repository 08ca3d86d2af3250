/**
 * Where a task is filed, by what it takes to find it. It is on exactly one of these shelves: open, waiting
 * (its follow-up is to be delivered), held (by a claim), or done.
 */
export const SHELVES = `
local function mode_of(task)
  -- A task that shall have no follow-up wakes nobody, even if it is given one.
  return task.followUpMode == 'null' and 'silent' or task.followUpMode:sub(2, -2)
end

local function session_of(task) return task.user .. '/' .. task.session end

local function score(instant) return instant == 'null' and '0' or instant end

local function shelf_of(task)
  if not FINISHED[task.status] then return 'open' end
  if task.followUpStatus ~= '"pending"' and task.followUpStatus ~= '"claimed"' then return 'done' end
  return task.claim == '' and 'waiting' or 'held'
end

-- Whether a task is filed otherwise than before.
local function moves(task, new)
  return task.status ~= new.status or (task.cancel == 'null') ~= (new.cancel == 'null')
    or task.followUpMode ~= new.followUpMode or task.completedAt ~= new.completedAt
    or shelf_of(task) ~= shelf_of(new)
end

local function count(hash, field, by)
  if redis.call('HINCRBY', hash, field, by) == 0 then redis.call('HDEL', hash, field) end
end

-- What limits count, by status: of the user, and of the session.
local function count_open(task, by)
  local counts = key('load', task.user)
  count(counts, task.status, by)
  if task.session ~= '-' then count(counts, task.status .. task.session, by) end
end

-- How many tasks each user has on a shelf, so that a sweep finds who has too many.
local function crowd(shelf, user, by)
  local users = key('crowd', shelf)
  if tonumber(redis.call('ZINCRBY', users, by, user)) == 0 then redis.call('ZREM', users, user) end
end

-- By the time of the end: those of the user, and all.
local function add_by_end(task, shelf)
  local ended = score(task.completedAt)
  redis.call('ZADD', key(shelf, task.user), ended, task.id)
  redis.call('ZADD', key(shelf), ended, task.name)
  crowd(shelf, task.user, 1)
end

local function remove_by_end(task, shelf)
  redis.call('ZREM', key(shelf, task.user), task.id)
  redis.call('ZREM', key(shelf), task.name)
  crowd(shelf, task.user, -1)
end

-- The delayed ones of its session and mode. One that has not failed comes along with anything that is due.
local function delayed_in(task)
  local kind = task.isDeferred == '1' and 'deferred:' or 'late:'
  return key(kind .. mode_of(task), session_of(task))
end

local function end_delay(task)
  redis.call('ZREM', key('delayed'), task.name)
  redis.call('ZREM', delayed_in(task), task.id)
end

local function make_due(task)
  local session, mode = session_of(task), mode_of(task)
  redis.call('ZADD', key('due:' .. mode, session), score(task.completedAt), task.id)
  list_session(session, mode)
end

local enter = {
  open = function(task)
    redis.call('ZADD', key('open', task.user), score(task.createdAt), task.id)
    redis.call('ZADD', key('leases'), 'NX', now + task.leaseMs, task.name)
    if task.duplicate ~= '-' and task.cancel == 'null' then
      redis.call('HSET', key('duplicates', task.user), task.duplicate, task.id)
    end
    count_open(task, 1)
  end,
  waiting = function(task)
    if tonumber(task.dueAt) > now then
      redis.call('ZADD', key('delayed'), task.dueAt, task.name)
      redis.call('ZADD', delayed_in(task), score(task.completedAt), task.id)
    else
      make_due(task)
    end
    add_by_end(task, 'waiting')
  end,
  held = function() end,
  done = function(task) add_by_end(task, 'done') end,
}

-- The first write of each takes no memory: Redis then lets the script end, even when its memory is full.
local leave = {
  open = function(task)
    redis.call('ZREM', key('open', task.user), task.id)
    if task.duplicate ~= '-' and redis.call('HGET', key('duplicates', task.user), task.duplicate) == task.id then
      redis.call('HDEL', key('duplicates', task.user), task.duplicate)
    end
    count_open(task, -1)
  end,
  waiting = function(task)
    local session, mode = session_of(task), mode_of(task)
    end_delay(task)
    if redis.call('ZREM', key('due:' .. mode, session), task.id) == 1 then list_session(session, mode) end
    remove_by_end(task, 'waiting')
  end,
  held = function() end,
  done = function(task) remove_by_end(task, 'done') end,
}
`;

/** All that may move a task goes through here, so that no shelf keeps what it was before. */
export const REFILE = `
local function refile(task, fields, events)
  local new = setmetatable({}, { __index = task })
  for i = 1, #fields, 2 do new[fields[i]] = fields[i + 1] end
  local is_moved = moves(task, new)
  if is_moved then leave[shelf_of(task)](task) end
  if FINISHED[new.status] and not FINISHED[task.status] then
    redis.call('ZREM', key('leases'), task.name)
    redis.call('DEL', key('payload', task.name))
  end
  log(new, events)
  redis.call('HSET', key('task', task.name), 'lastSeq', new.lastSeq, 'chars', new.chars, unpack(fields))
  if is_moved then enter[shelf_of(new)](new) end
  return new
end
`;

/** A transition: fields are given as names and values in turn. */
export const CHANGE = `
local function change(task, fields, events)
  local more = { 'version', text(task.version + 1), 'updatedAt', text(now) }
  for _, field in ipairs(more) do fields[#fields + 1] = field end
  local new = refile(task, fields, events)
  tell(new, text(task.lastSeq + 1))
  return new
end
`;
