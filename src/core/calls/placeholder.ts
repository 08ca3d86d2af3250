import type { TaskInfo } from "../model/task.ts";
import { named } from "../values/names.ts";
import { sendable } from "../values/sendable.ts";
import { ignorePromise } from "../values/validate.ts";

/** What the model is told instead of a result. */
export function defaultPlaceholder(task: TaskInfo): string {
  return `The tool${named(task.toolName)} has not finished yet. It goes on in the background as task ${task.id}. ${ARRIVES}`;
}

const ARRIVES = [
  "Its result will arrive by itself in a later message.",
  "Do not repeat this call and do not poll for it.",
  "Go on with other work, or answer the user with what you know now.",
].join(" ");

/** The same where nothing delivers results: it promises none. */
export function plainPlaceholder(task: TaskInfo): string {
  return [
    `The tool${named(task.toolName)} has not finished yet. It goes on in the background as task ${task.id}.`,
    "Do not repeat this call. Go on with other work, or answer the user with what you know now.",
  ].join(" ");
}

/** A host's placeholder in a form that cannot fail: what it spoils is made good with the default. */
export function safePlaceholder(
  placeholder: ((task: TaskInfo) => string) | undefined,
  builtIn: (task: TaskInfo) => string,
): (task: TaskInfo) => string {
  if (placeholder === undefined) return builtIn;
  return (task) => {
    try {
      const message: unknown = placeholder(task);
      ignorePromise(message);
      return typeof message === "string" ? sendable(message) : builtIn(task);
    } catch {
      return builtIn(task);
    }
  };
}
