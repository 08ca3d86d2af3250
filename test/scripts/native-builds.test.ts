import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type LockedPackages, missingBuilds } from "../../scripts/native-builds.ts";

function ownLock(): LockedPackages {
  return JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8")).packages;
}

/** The lock without the packages that are for this platform alone. */
function without(platform: string, locked: LockedPackages): LockedPackages {
  return Object.fromEntries(Object.entries(locked).filter(([, { os }]) => os?.join() !== platform));
}

/** A package with a build for each of these platforms. */
function builtFor(...platforms: string[]): LockedPackages {
  const builds = platforms.map((platform) => [`built-${platform}`, platform] as const);
  return {
    "node_modules/built": {
      optionalDependencies: Object.fromEntries(builds.map(([name]) => [name, "1.0.0"])),
    },
    ...Object.fromEntries(
      builds.map(([name, platform]) => [`node_modules/${name}`, { version: "1.0.0", os: [platform] }]),
    ),
  };
}

test("our own lock has the builds of every platform", () => {
  expect(missingBuilds(ownLock())).toEqual([]);
});

test.each([
  ["darwin", "@rollup/rollup-darwin-arm64"],
  ["win32", "@rollup/rollup-win32-x64-msvc"],
])("from our own lock, the builds for %s are missed", (platform, build) => {
  const missing = missingBuilds(without(platform, ownLock()));
  expect(missing).toContainEqual(expect.stringContaining(`node_modules/rollup wants ${build}@`));
  for (const family of ["@biomejs/biome", "esbuild", "libsql", "rollup"]) {
    expect(missing).toContain(`node_modules/${family} has no build for ${platform}`);
  }
});

test("what is built for Linux has to be built for macOS and Windows", () => {
  expect(missingBuilds(builtFor("linux", "darwin", "win32"))).toEqual([]);
  expect(missingBuilds(builtFor("linux", "win32"))).toEqual(["node_modules/built has no build for darwin"]);
  expect(missingBuilds(builtFor("darwin"))).toEqual([]);
});

test("a build of another version, which another package wants, is none", () => {
  const wanting = (version: string) => ({ optionalDependencies: { build: version } });
  const locked: LockedPackages = {
    "node_modules/a": wanting("2.0.0"),
    "node_modules/b/node_modules/a": wanting("1.0.0"),
    "node_modules/build": { version: "2.0.0" },
  };
  expect(missingBuilds(locked)).toEqual(["node_modules/b/node_modules/a wants build@1.0.0"]);
  const nested = { ...locked, "node_modules/b/node_modules/build": { version: "1.0.0" } };
  expect(missingBuilds(nested)).toEqual([]);
});
