import { short } from "./terminal.ts";

/** What a message with late results says: its first line, and of each task the lines that matter here. */
export function abridged(text: string): string {
  const [opening = "", ...tasks] = text.split("\n\n");
  return [opening.split("\n")[0], ...tasks.map(abridgedTask)].join("\n");
}

function abridgedTask(text: string): string {
  const [heading, ...lines] = text.split("\n");
  const facts = lines.filter((line) => /^(Tool|Outcome): /.test(line)).join(", ");
  const [, data = ""] = /<data-[^>]+>\n(.*)\n<\/data-/s.exec(text) ?? [];
  return `${heading}. ${facts}${data && `\n> ${short(data)}`}`;
}
