/**
 * Listens to a signal, and returns how to stop. It may be of anybody's making: what it lacks, or throws, costs no more
 * than that nobody hears of its abort, or that it keeps its listener.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  harmlessly(() => signal.addEventListener("abort", listener));
  return () => harmlessly(() => signal.removeEventListener("abort", listener));
}

/** @throws the reason of a signal that has aborted */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReasonOf(signal);
}

/** Signals of before there were reasons have none, and nobody can make anything of `undefined`. */
export function abortReasonOf({ reason }: AbortSignal): unknown {
  return reason === undefined ? new DOMException("This operation was aborted.", "AbortError") : reason;
}

function harmlessly(act: () => void): void {
  try {
    act();
  } catch {}
}
