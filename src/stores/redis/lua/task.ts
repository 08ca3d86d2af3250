/** The fields of a record that may change or that scripts read, each kept as JSON text. */
export const FIELDS = [
  "status",
  "createdAt",
  "startedAt",
  "updatedAt",
  "completedAt",
  "deadlineAt",
  "progress",
  "error",
  "cancel",
  "owner",
  "runs",
  "version",
  "lastSeq",
] as const;

/** Those that are not kept as long as they are null. */
export const NULLABLE: readonly string[] = [
  "startedAt",
  "completedAt",
  "deadlineAt",
  "progress",
  "error",
  "cancel",
  "owner",
  "followUpMode",
  "followUpReason",
];

const nulls = NULLABLE.map((field) => `${field} = 'null'`).join(", ");
const fields = FIELDS.map((field) => `',"${field}":' .. task.${field}`).join("\n    .. ");

/**
 * A task is a hash of these and of those that only scripts read, so small that Redis packs it, and beside it the rest of its record as opaque JSON:
 * the line that says whose it is, and the line with all other fields.
 */
export const TASK = String.raw`
local FINISHED = { ['"completed"'] = true, ['"failed"'] = true, ['"cancelled"'] = true }
local UNFINISHED = { ['"queued"'] = true, ['"running"'] = true, ['"input_required"'] = true }

-- What a task has as long as nothing else was said.
local UNSAID = { __index = {
  ${nulls}, duplicate = '-', idempotency = '-', claim = '', endedAt = '', followUpHolds = '', dueAt = '0', chars = '0', hasResult = '',
} }

-- The name of a task is 'user/id'; a user's name has no slash.
local function named(name)
  local slash = name:find('/', 1, true)
  return setmetatable({ name = name, user = name:sub(1, slash - 1), id = name:sub(slash + 1) }, UNSAID)
end

local FOLLOW_UPS = {
  ['"none"'] = true, ['"pending"'] = true, ['"claimed"'] = true, ['"delivered"'] = true, ['"dropped"'] = true,
}
local FOLLOW_UP_MODES = { null = true, ['"when_idle"'] = true, ['"interrupt"'] = true, ['"silent"'] = true }
local NUMBERS = { 'createdAt', 'updatedAt', 'runs', 'version', 'lastSeq', 'followUpAttempts', 'dueAt', 'chars' }

-- Why the hash of a task is not whole.
local function wrong_with(task)
  if not FINISHED[task.status] and not UNFINISHED[task.status] then return 'its status is missing or wrong' end
  if not FOLLOW_UPS[task.followUpStatus] or not FOLLOW_UP_MODES[task.followUpMode] then
    return 'its followUp is missing or wrong'
  end
  if not task.session then return 'its session is missing' end
  for _, field in ipairs(NUMBERS) do
    if not tonumber(task[field]) then return 'its ' .. field .. ' is missing or wrong' end
  end
  if UNFINISHED[task.status] and not tonumber(task.leaseMs) then return 'its lease is missing or wrong' end
  if task.followUpHolds ~= '' and not tonumber(task.followUpHolds) then return 'its followUpHolds is wrong' end
  if task.endedAt ~= '' and not tonumber(task.endedAt) then return 'its end is wrong' end
  if task.completedAt ~= 'null' and not tonumber(task.completedAt) then return 'its completedAt is wrong' end
end

-- Reads what stands beside the hash of a task, or says why it cannot.
local function load_rest(task)
  local call = redis.pcall('GET', key('call', task.name))
  local cut = type(call) == 'string' and call:find('\n', 1, true)
  if not cut then return 'its call is missing or wrong' end
  task.whose, task.rest = call:sub(1, cut - 1), call:sub(cut + 1)
  local events = redis.pcall('LLEN', key('log', task.name))
  if type(events) ~= 'number' or (events == 0 and tonumber(task.lastSeq) > 0) then
    return 'its log is missing or wrong'
  end
  if task.hasResult == '1' and redis.call('TYPE', key('result', task.name)).ok ~= 'string' then
    return 'its result is missing or wrong'
  end
end

-- A whole task; else nothing, and, unless there is nothing at all of it, why it is damaged.
local function load(name)
  local flat = redis.pcall('HGETALL', key('task', name))
  if flat.err then return nil, 'it is no hash' end
  if #flat == 0 then return nil end
  local task = named(name)
  for i = 1, #flat, 2 do task[flat[i]] = flat[i + 1] end
  local reason = wrong_with(task) or load_rest(task)
  if reason then return nil, reason end
  return task
end

-- The whole record as JSON.
local function record(task)
  local holds = task.followUpHolds == '' and '' or ',"holds":' .. task.followUpHolds
  return '{' .. task.whose .. ',' .. task.rest
    .. ${fields}
    .. ',"followUp":{"status":' .. task.followUpStatus .. ',"mode":' .. task.followUpMode
    .. ',"attempts":' .. task.followUpAttempts .. holds .. ',"reason":' .. task.followUpReason .. '}}'
end

-- Adds a record to a list of them: its name, and its JSON.
local function add_record(records, task)
  records[#records + 1] = task.name
  records[#records + 1] = record(task)
end
`;
