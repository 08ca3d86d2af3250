/** The root entry goes into every program: no zod in it, which alone would be as large as all the rest. */
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["dist/index.js"],
  bundle: true,
  write: false,
  metafile: true,
  platform: "node",
  format: "esm",
  logLevel: "error",
});
const inputs = Object.keys(metafile.inputs);
const zod = inputs.filter((input) => input.includes("node_modules/zod/"));
if (inputs.length < 2 || zod.length > 0) {
  console.error(
    `The root entry holds ${zod.length} files of zod, of ${inputs.length} in all: ${zod[0] ?? ""}`,
  );
  process.exit(1);
}
