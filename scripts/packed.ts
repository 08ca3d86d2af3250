/** What `npm pack --json` says of a tarball, as far as it matters here. */
export interface Packed {
  /** In bytes, packed. */
  size: number;
  files: readonly { path: string }[];
}

/** Grown by the page, which holds a whole program for browsers (26). */
export const MAX_PACKED_KB = 480;

/** What is wrong with a tarball, a line for each; none if it may be published. `wanted`: what it has to hold. */
export function faultsOfPacked({ size, files }: Packed, wanted: readonly string[]): string[] {
  const paths = files.map(({ path }) => path);
  const kilobytes = Math.ceil(size / 1_000);
  return [
    ...(kilobytes > MAX_PACKED_KB ? [`it has ${kilobytes} kB, of at most ${MAX_PACKED_KB}`] : []),
    ...paths.filter((path) => path.endsWith(".map")).map((path) => `${path} is a source map`),
    ...paths.filter((path) => path.includes("node_modules/")).map((path) => `${path} is not ours`),
    ...wanted.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`),
  ];
}

/** Which packages a bundle has taken in, instead of importing them. */
export function packagesIn(bundle: string): string[] {
  const paths = bundle.matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)/gm);
  return [...new Set([...paths].map(([, name = ""]) => name))];
}

/** The files that the `exports` of a package.json name. */
export function filesOfExports(exports: Record<string, Record<string, string>>): string[] {
  return Object.values(exports).flatMap((entry) =>
    Object.values(entry).map((path) => path.replace(/^\.\//, "")),
  );
}
