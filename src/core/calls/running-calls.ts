import type { ToolCall } from "../model/call.ts";
import type { ToolSettings } from "../options/tool-settings.ts";
import type { Drain } from "../time/idle.ts";
import { canonicalInput, sameOwner } from "./duplicates.ts";
import type { Execution } from "./execution.ts";

/**
 * The tool calls that run in this process, in the foreground or as tasks. They are chained to each other:
 * every call comes and goes here, and a Set would cost each of them a tenth of its time.
 */
export class RunningCalls {
  readonly #drain: Drain;
  /** Models reuse ids, and users do not share them: several calls may have the same one. */
  readonly #byCallId = new Map<string, Execution[]>();
  #newest: Execution | undefined;
  #size = 0;

  constructor(drain: Drain) {
    this.#drain = drain;
  }

  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Generator<Execution> {
    for (let call = this.#newest; call !== undefined; call = call.older) yield call;
  }

  add(execution: Execution): void {
    execution.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = execution;
    this.#newest = execution;
    this.#size += 1;
    const { toolCallId } = execution.call;
    if (toolCallId === undefined) return;
    const others = this.#byCallId.get(toolCallId);
    if (others === undefined) this.#byCallId.set(toolCallId, [execution]);
    else others.push(execution);
  }

  delete(execution: Execution): void {
    const { older, newer } = execution;
    if (newer !== undefined) newer.older = older;
    else if (this.#newest === execution) this.#newest = older;
    else return;
    if (older !== undefined) older.newer = newer;
    execution.older = undefined;
    execution.newer = undefined;
    this.#size -= 1;
    this.#deleteId(execution);
    if (this.#size === 0) this.#drain.check();
  }

  /** The running call of the same user, session, tool and input; unless a tool says otherwise, of the same id. */
  findDuplicate(call: ToolCall, { onDuplicate }: ToolSettings): Execution | undefined {
    if (onDuplicate !== "allow") return this.#findEqual(call);
    if (call.toolCallId === undefined) return undefined;
    return this.#byCallId.get(call.toolCallId)?.find((other) => isEqual(other, call));
  }

  #findEqual(call: ToolCall): Execution | undefined {
    for (const other of this) if (isEqual(other, call)) return other;
    return undefined;
  }

  #deleteId(execution: Execution): void {
    const { toolCallId } = execution.call;
    if (toolCallId === undefined) return;
    const all = this.#byCallId.get(toolCallId);
    if (all === undefined) return;
    if (all.length === 1) this.#byCallId.delete(toolCallId);
    else all.splice(all.indexOf(execution), 1);
  }
}

function isEqual(execution: Execution, call: ToolCall): boolean {
  const other = execution.call;
  return (
    execution.isJoinable &&
    other.toolName === call.toolName &&
    sameOwner(other.scope, call.scope) &&
    execution.canonicalInput === canonicalInput(call.input)
  );
}
