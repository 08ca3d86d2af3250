import type { Delivery } from "../../src/follow-up/index.ts";
import type { TaskScope } from "../../src/index.ts";

/** One delivery, as the host has seen it. */
export interface Turn {
  scope: TaskScope;
  ids: string[];
  attempts: number[];
  at: number;
  delivery: Delivery;
}

/** How a host carries a turn out. */
export type Script = (delivery: Delivery) => unknown;

export interface Host {
  turns: Turn[];
  /** Turns that run at the moment: they have not ended, and were not broken off. */
  running: Set<Turn>;
  /** The most turns that ran at a time. */
  most: number;
  /** Turns that began while another of the same session was running. */
  overlaps: Turn[];
  deliver: Script;
}

/** A host that goes by a script: one line for each turn, and the last line for all that follow. */
export function hostOf(...scripts: Script[]): Host {
  const host: Host = { turns: [], running: new Set(), most: 0, overlaps: [], deliver };
  function deliver(delivery: Delivery): unknown {
    const { scope, followUps, signal } = delivery;
    const ids = followUps.map(({ id }) => id);
    const attempts = followUps.map(({ attempt }) => attempt);
    const turn: Turn = { scope, ids, attempts, at: Date.now(), delivery };
    if ([...host.running].some((other) => sessionOf(other) === sessionOf(turn))) host.overlaps.push(turn);
    host.turns.push(turn);
    host.running.add(turn);
    host.most = Math.max(host.most, host.running.size);
    const end = () => void host.running.delete(turn);
    signal.addEventListener("abort", end);
    const script = scripts[Math.min(host.turns.length, scripts.length) - 1];
    return carryOut(() => script?.(delivery), end);
  }
  return host;
}

/** The script may throw at once, answer at once, or take its time. */
function carryOut(script: () => unknown, end: () => void): unknown {
  let answer: unknown;
  try {
    answer = script();
  } catch (error) {
    end();
    throw error;
  }
  if (answer instanceof Promise) return answer.finally(end);
  end();
  return answer;
}

export const takesMs =
  (ms: number, answer?: unknown): Script =>
  () =>
    new Promise((resolve) => setTimeout(() => resolve(answer), ms));

export const says =
  (answer: unknown): Script =>
  async () =>
    answer;

/** A turn that tells. */
export const ends: Script = async () => undefined;

export const fails: Script = async () => {
  throw new Error("The model is down.");
};

/** A turn that never ends and hears nothing. */
export const hangs: Script = () => new Promise(() => undefined);

/** A turn that ends when it is told to. */
export const obeys: Script = ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

/** Everything that was delivered, however many times. */
export function deliveredIds({ turns }: Host): string[] {
  return turns.flatMap(({ ids }) => ids);
}

/** The time between one turn and the next. */
export function gapsOf({ turns }: Host): number[] {
  return turns.slice(1).map(({ at }, index) => at - (turns[index]?.at ?? 0));
}

function sessionOf({ scope }: Turn): string {
  return JSON.stringify([scope.userId, scope.sessionId]);
}
