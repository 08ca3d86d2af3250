import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const children = new Map<ChildProcess, string>();
process.on("exit", () => killAll());

/** A shell command in a process group of its own, so that what it starts can be stopped with it. */
export function startCommand(command: string) {
  const child = spawn("sh", ["-c", command], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  children.set(child, command);
  const closed = once(child, "close").finally(() => children.delete(child));
  return { child, closed, stop: () => signalGroup(child, "SIGTERM") };
}

/** The commands whose process exists at this moment. */
export function livingCommands(): string[] {
  return [...children].filter(([child]) => signalGroup(child, 0)).map(([, command]) => command);
}

/** Ends every command that still runs, whether it likes it or not. */
export async function killCommands(): Promise<void> {
  const closings = [...children.keys()].map((child) => once(child, "close"));
  killAll();
  await Promise.all(closings);
}

function killAll(): void {
  for (const child of children.keys()) signalGroup(child, "SIGKILL");
}

/** False when there is nothing left to signal. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal);
  } catch {
    return false;
  }
}
