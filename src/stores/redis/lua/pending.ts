/**
 * Pending follow-ups: each is due, or delayed until its moment comes. Of the delayed ones those that were deferred,
 * as their session was busy, come along with whatever is claimed there; those that were released, as their
 * delivery has failed, do not.
 */
export const PENDING = `
local function mode_of(task)
  -- A task that shall have no follow-up wakes nobody, even if it is given one.
  return task.followUpMode == 'null' and 'silent' or task.followUpMode:sub(2, -2)
end

local function session_of(task) return task.user .. '/' .. task.session end

-- When it ended by the store's own clock. 0.1.0 has kept only what its process said.
local function ended_at(task)
  if task.endedAt ~= '' then return task.endedAt end
  return task.completedAt == 'null' and '0' or task.completedAt
end

-- The follow-ups of the same state, mode and session.
local function follow_ups(state, task) return key(state, mode_of(task) .. ':' .. session_of(task)) end

local function why_delayed(task) return task.isDeferred == '1' and 'deferred' or 'released' end

local function make_due(task)
  redis.call('ZADD', follow_ups('due', task), ended_at(task), task.id)
  regroup(session_of(task), mode_of(task))
end

local function end_due(task)
  if redis.call('ZREM', follow_ups('due', task), task.id) == 1 then regroup(session_of(task), mode_of(task)) end
end

local function delay(task)
  redis.call('ZADD', key('delayed'), task.dueAt, task.name)
  redis.call('ZADD', follow_ups(why_delayed(task), task), ended_at(task), task.id)
end

local function end_delay(task)
  redis.call('ZREM', key('delayed'), task.name)
  redis.call('ZREM', follow_ups(why_delayed(task), task), task.id)
end
`;
