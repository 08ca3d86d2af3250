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
local UNSAID = { __index = { ${nulls}, duplicate = '-', claim = '', endedAt = '', dueAt = '0', chars = '0' } }

-- The name of a task is 'user/id'; a user's name has no slash.
local function named(name)
  local slash = name:find('/', 1, true)
  return setmetatable({ name = name, user = name:sub(1, slash - 1), id = name:sub(slash + 1) }, UNSAID)
end

local function load(name)
  local flat = redis.call('HGETALL', key('task', name))
  if #flat == 0 then return nil end
  local task = named(name)
  for i = 1, #flat, 2 do task[flat[i]] = flat[i + 1] end
  return task
end

local function load_call(task)
  if task.whose then return end
  local call = redis.call('GET', key('call', task.name))
  local cut = call:find('\n', 1, true)
  task.whose, task.rest = call:sub(1, cut - 1), call:sub(cut + 1)
end

-- The whole record as JSON.
local function record(task)
  load_call(task)
  return '{' .. task.whose .. ',' .. task.rest
    .. ${fields}
    .. ',"followUp":{"status":' .. task.followUpStatus .. ',"mode":' .. task.followUpMode
    .. ',"attempts":' .. task.followUpAttempts .. ',"reason":' .. task.followUpReason .. '}}'
end
`;

/** A task for one who may be narrowed to a session. */
export const VISIBLE = `
local function visible(name, session)
  local task = load(name)
  if task and session ~= '' and task.session ~= session then return nil end
  return task
end
`;
