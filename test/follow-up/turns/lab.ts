import type { Turn, TurnOptions } from "../../../src/follow-up/index.ts";
import type { TaskScope, TaskStore } from "../../../src/index.ts";
import { ADA, type Gate, gate, pass } from "../../support/scene.ts";
import { type Host, hostOf } from "../hosts.ts";
import { type Process, type ProcessOptions, processOf } from "../processes.ts";

/** A turn that a host has begun, and that ends when the test says so. */
export interface OpenTurn {
  /** As it was when it began; `undefined`: it has not begun. */
  turn: Turn | undefined;
  readonly end: Gate<string>;
  /** What `dispatcher.turn` comes to. */
  readonly result: Promise<string>;
}

/** Begins a turn, if the session is free, and looks at what it was handed. */
export function speak(process: Process, options: TurnOptions = {}, scope: TaskScope = ADA): OpenTurn {
  const end = gate();
  const open: { turn: Turn | undefined } = { turn: undefined };
  const result = process.dispatcher.turn(
    scope,
    (turn) => {
      open.turn = turn;
      void turn.message;
      return end.promise;
    },
    options,
  );
  result.catch(() => undefined);
  return Object.assign(open, { end, result });
}

/** The same, once it has begun. */
export async function begun(process: Process, options?: TurnOptions, scope?: TaskScope) {
  const open = speak(process, options, scope);
  await pass(20);
  if (open.turn === undefined) throw new Error("The turn has not begun.");
  return { ...open, turn: open.turn };
}

/** Processes around one store; none of them delivers by itself until it is started. */
export function around(store: TaskStore, host: Host = hostOf()) {
  return (options: Partial<ProcessOptions> = {}): Process => processOf({ store, host, ...options });
}
