import { onAbort } from "../../core/values/signals.ts";

/**
 * Aborts when one of two does, until it is left. `AbortSignal.any` would do, but on some Nodes it never lets go of what
 * it was made for while the longer-lived one lives.
 */
export function joined(
  one: AbortSignal,
  other: AbortSignal | undefined,
): { signal: AbortSignal; leave: () => void } {
  const controller = new AbortController();
  const signals = other === undefined ? [one] : [one, other];
  const aborted = (): void => {
    controller.abort(signals.find((signal) => signal.aborted)?.reason);
  };
  const stops = signals.map((signal) => onAbort(signal, aborted));
  if (signals.some((signal) => signal.aborted)) aborted();
  const leave = () => {
    for (const stop of stops) stop();
  };
  return { signal: controller.signal, leave };
}
