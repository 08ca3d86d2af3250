/** The tarball as it would be published: how large it is, and what is in it. Looks at `dist` as it stands. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { faultsOfPacked, filesOfExports, type Packed, packagesIn } from "./packed.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const wanted = [
  ...filesOfExports(exports),
  "README.md",
  "CHANGELOG.md",
  "docs/README.md",
  "examples/quickstart.ts",
];

const packed = dryRun();
console.log(`The tarball has ${(packed.size / 1_000).toFixed(1)} kB and ${packed.files.length} files.`);
const bundled = packed.files
  .filter(({ path }) => path.startsWith("dist/") && path.endsWith(".js"))
  .flatMap(({ path }) =>
    packagesIn(readFileSync(root + path, "utf8")).map((name) => `${path} holds ${name}`),
  );
/** Frameworks that render on the server look for it; bundlers like to drop it. */
const forServers = readFileSync(`${root}dist/react/index.js`, "utf8").startsWith('"use client"')
  ? []
  : ['dist/react/index.js does not begin with "use client"'];
const faults = [...faultsOfPacked(packed, wanted), ...bundled, ...forServers];
if (faults.length > 0) {
  console.error("The tarball is not fit to be published:");
  for (const line of faults) console.error(`  ${line}`);
  process.exitCode = 1;
}

function dryRun(): Packed {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [one] = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" })) as Packed[];
  if (one === undefined) throw new Error("npm pack told nothing.");
  return one;
}
