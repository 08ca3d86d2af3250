import { TaskOffloadError } from "../errors.ts";

/** The same, which runs its calls through a middleware from now on. */
export function wrapped<Made extends object>(made: Made): Made {
  return Object.assign(made, { [WRAPPED]: true });
}

/**
 * A call that went through a middleware twice would be two tasks, the one waiting for the other.
 *
 * @param name of the tool, or of the option that it is
 * @throws `invalid_option` for a tool that is wrapped already, or that is made of one
 */
export function refuseWrapped(name: string, tool: object): void {
  const { execute = tool } = tool as { execute?: unknown };
  if (!(WRAPPED in tool) && !(WRAPPED in Object(execute))) return;
  const remedy = "Wrap each tool once: leave out the inner wrapping, or the outer one.";
  throw new TaskOffloadError(
    "invalid_option",
    `${name} is wrapped already, and runs its calls through a middleware. ${remedy}`,
  );
}

const WRAPPED = Symbol.for("tool-offload.wrapped");
