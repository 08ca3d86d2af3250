/** Taking pending follow-ups into a claim. What it costs a follow-up depends on whose turn it is. */
export const TAKING = `
local function holds_of(task) return tonumber(task.followUpHolds) or 0 end

-- The field that counts a claim or a hold; -1 gives it back.
local function cost_of(task, by, times)
  if by == 'library' then return 'followUpAttempts', to_text(task.followUpAttempts + times) end
  return 'followUpHolds', to_text(holds_of(task) + times)
end

-- No list of the session leads to it any more.
local function leave_session(session, id)
  for _, mode in ipairs(MODES) do
    for _, state in ipairs({ 'due', 'deferred', 'released' }) do
      redis.call('ZREM', key(state, mode .. ':' .. session), id)
    end
  end
  redis.call('ZREM', key('of_session', session), id)
end

-- The tasks whose follow-up is in one of these states, by their ends.
local function pending_in(session, states)
  local lists, tasks = {}, {}
  for _, mode in ipairs(MODES) do
    for _, state in ipairs(states) do lists[#lists + 1] = key(state, mode .. ':' .. session) end
  end
  for _, id in ipairs(redis.call('ZUNION', #lists, unpack(lists))) do
    local task = find(session:match('^[^/]*') .. '/' .. id)
    if task and index_of(task) == 'pending' then
      tasks[#tasks + 1] = task
    else
      -- It was left here when a list of its own was lost.
      leave_session(session, id)
    end
  end
  return tasks
end

-- Returns the names and the records of what was taken, in turn.
local function take(session, tasks, token, by)
  local records = {}
  for _, task in ipairs(tasks) do
    redis.call('RPUSH', key('claimed', session), task.id)
    local fields = { 'claim', token, 'followUpStatus', '"claimed"', cost_of(task, by, 1) }
    add_record(records, change(task, fields, {}))
  end
  return records
end
`;
