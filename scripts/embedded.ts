/**
 * `import { script, style } from "embedded:src/some/main.tsx"`: a program for browsers, bundled into texts of the module that
 * serves it. The same for esbuild, which builds the library, and for Vite, which runs its tests.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { buildSync, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const PREFIX = "embedded:";

export const embeddedForEsbuild: Plugin = {
  name: "embedded",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^embedded:/ }, ({ path }) => ({ path, namespace: "embedded" }));
    onLoad({ filter: /^embedded:/ }, ({ path }) => ({ contents: embeddedModule(path) }));
  },
};

export const embeddedForVite = {
  name: "embedded",
  resolveId: (id: string) => (id.startsWith(PREFIX) ? `\0${id}` : null),
  load: (id: string) => (id.startsWith(`\0${PREFIX}`) ? embeddedModule(id.slice(1)) : null),
};

/** What `import` of such a name gets, as the text of a module. */
export function embeddedModule(id: string): string {
  const { script, style } = bundle(id.slice(PREFIX.length));
  const exported = { script, style, scriptHash: hashOf(script), styleHash: hashOf(style) };
  return Object.entries(exported)
    .map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};`)
    .join("\n");
}

function bundle(entry: string): { script: string; style: string } {
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    absWorkingDir: root,
    outdir: "embedded",
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome123", "firefox121", "safari17.5"],
    legalComments: "none",
  });
  const textOf = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? "";
  return { script: textOf(".js"), style: textOf(".css") };
}

/** As a Content-Security-Policy names it. */
function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
