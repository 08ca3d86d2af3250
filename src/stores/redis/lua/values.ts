/** Numbers are kept as text; Lua's own text of a large one is not exact. */
export const NUMBERS = `
local function to_text(number) return string.format('%.17g', number) end
`;

/** The store's time. */
export const TIME = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;
