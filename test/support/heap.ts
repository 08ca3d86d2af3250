/** Whether this process can be asked to collect its garbage. */
export const canCollect = globalThis.gc !== undefined;

/** Bytes, after the garbage is gone. */
export function heapUsed(): number {
  for (let i = 0; i < 5; i += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Bytes by which `work` makes the heap grow; it runs once before, for compiled code is no leak. */
export async function heapGrowth(work: () => Promise<void>): Promise<number> {
  await work();
  const before = heapUsed();
  await work();
  return heapUsed() - before;
}
