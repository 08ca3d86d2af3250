import { RING_CHARS, RING_EVENTS } from "../../../core/model/store.ts";

/** Events: a list for each task, of texts that begin with their weight. */
export const LOG = `
-- Adds events, and drops the oldest while they are too many or too long. The newest stays.
local function log(task, events)
  if #events == 0 then return end
  local ring, chars, length = key('log', task.name), tonumber(task.chars), 0
  for _, event in ipairs(events) do
    length = redis.call('RPUSH', ring, event)
    chars = chars + event:match('^%d+')
  end
  while length > ${RING_EVENTS} or (length > 1 and chars > ${RING_CHARS}) do
    chars = chars - redis.call('LPOP', ring):match('^%d+')
    length = length - 1
  end
  task.lastSeq, task.chars = to_text(task.lastSeq + #events), to_text(chars)
end
`;

/** Hints: told to the others by Redis, and to the writer with the answer. */
export const HINTS = `
local function tell(task, first_seq)
  local hint = '{' .. task.whose .. ',"firstSeq":' .. first_seq .. ',"lastSeq":' .. task.lastSeq
    .. ',"status":' .. task.status .. ',"followUp":' .. task.followUpStatus .. '}'
  told[#told + 1] = hint
end
`;
