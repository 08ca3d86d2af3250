/** An argument of a script: the local that has it, what that means, and how it is read. */
export interface Argument {
  readonly name: string;
  readonly meaning: string;
  readonly read: string;
}

export function text(name: string, meaning: string): Argument {
  return { name, meaning, read: "arg()" };
}

export function number(name: string, meaning: string): Argument {
  return { name, meaning, read: "tonumber(arg())" };
}

/** '1' or ''; the script has a boolean. */
export function flag(name: string, meaning: string): Argument {
  return { name, meaning: `'1': ${meaning}`, read: "arg() == '1'" };
}

export function list(name: string, meaning: string): Argument {
  return { name, meaning: `list: ${meaning}`, read: "args()" };
}

/** What every script takes first that tells hints. */
export const WRITER: readonly Argument[] = [
  text("writer", "who makes this call; known by it are its hints, and the call itself if it is sent twice"),
  text("channel", "where hints are published"),
];

/** What every script takes first that shows a task to somebody. */
export const SEEN: readonly Argument[] = [
  text("name", "of the task"),
  text("session", "the only one that is shown, as a field of its tasks; '' is any"),
];

export const READ_ARGUMENTS = `
local last = 0

local function arg()
  last = last + 1
  return ARGV[last]
end

local function args()
  local length, items = tonumber(arg()), {}
  for i = 1, length do items[i] = ARGV[last + i] end
  last = last + length
  return items
end
`;

/** The arguments as the head of a script has them. */
export function headLines(takes: readonly Argument[]): string {
  return takes.map(({ name, meaning }) => `--   ${name}: ${meaning}`).join("\n");
}

export function locals(takes: readonly Argument[]): string {
  return takes.map(({ name, read }) => `local ${name} = ${read}`).join("\n");
}
