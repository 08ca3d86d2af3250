/** Puts a warning where the host's process has its own. Not every runtime has a process. */
export function warn(message: string, detail: string): void {
  globalThis.process?.emitWarning?.(message, { type: "ToolOffloadWarning", detail });
}
