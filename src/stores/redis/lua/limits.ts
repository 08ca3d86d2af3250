/** Limits, as TaskLimits names them: '' is none. */
export const LIMITS = `
local function count_of(task, field) return tonumber(redis.call('HGET', key('counts', task.user), field) or 0) end

local function is_met(limit, task, field) return limit ~= '' and count_of(task, field) >= tonumber(limit) end

-- The limit that keeps a task from running.
local function refuse_to_run(task, per_user, per_session)
  if is_met(per_user, task, '"running"') then return 'running_per_user' end
  if task.session ~= '-' and is_met(per_session, task, '"running"' .. task.session) then
    return 'running_per_session'
  end
end

local function is_session_busy(task)
  if task.session == '-' then return false end
  for status in pairs(UNFINISHED) do
    if count_of(task, status .. task.session) > 0 then return true end
  end
  return false
end
`;
