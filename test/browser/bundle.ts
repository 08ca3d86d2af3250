import { fileURLToPath } from "node:url";
import { build } from "esbuild";

let bundled: Promise<string> | undefined;

/** The client, with its own time and with what records it, as one file. */
export function recorderText(): Promise<string> {
  bundled ??= bundle();
  return bundled;
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [pathOf("recorder.ts")],
    inject: [pathOf("forward.ts")],
    bundle: true,
    format: "esm",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
