/**
 * Arguments and keys. Every key of a script begins with the one it is given, which holds the hash tag of its
 * shard: so all of them are in one slot.
 */
export const BASE = `
local shard, place = KEYS[1], 0

local function arg()
  place = place + 1
  return ARGV[place]
end

-- A list of arguments begins with its length.
local function args()
  local length, list = tonumber(arg()), {}
  for i = 1, length do list[i] = ARGV[place + i] end
  place = place + length
  return list
end

local function key(kind, name)
  if name then return shard .. ':' .. kind .. ':' .. name end
  return shard .. ':' .. kind
end

-- Numbers are kept as text; Lua's own text of a large one is not exact.
local function text(number) return string.format('%.17g', number) end
`;

/** The store's time. */
export const TIME = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** What begins every script that writes: who writes, and where hints are told. */
export const WRITE = `
local writer, channel = arg(), arg()
`;
