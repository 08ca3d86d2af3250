/** What a package-lock.json says of a package, as far as native builds go. */
export interface LockedPackage {
  version?: string;
  os?: string[];
  optionalDependencies?: Record<string, string>;
}

/** The `packages` of a package-lock.json, by the folders they are installed in. */
export type LockedPackages = Record<string, LockedPackage>;

/** What a lock lacks of the native builds that its packages want, a line for each; none if it is whole. */
export function missingBuilds(locked: LockedPackages): string[] {
  return Object.keys(locked).flatMap((folder) => [
    ...missingEntries(locked, folder),
    ...missingPlatforms(locked, folder),
  ]);
}

/** A build that is not in the lock does not say what it is for: so all that is optional has to be there. */
function missingEntries(locked: LockedPackages, folder: string): string[] {
  return Object.entries(optionalOf(locked, folder))
    .filter(([name, version]) => find(locked, folder, name, version) === undefined)
    .map(([name, version]) => `${folder} wants ${name}@${version}`);
}

/** What is built for Linux is built for these as well; fsevents, say, is not. */
function missingPlatforms(locked: LockedPackages, folder: string): string[] {
  const builds = Object.entries(optionalOf(locked, folder)).map(([name, version]) =>
    find(locked, folder, name, version),
  );
  const platforms = new Set(builds.flatMap((build) => build?.os ?? []));
  if (!platforms.has("linux")) return [];
  return ["darwin", "win32"]
    .filter((platform) => !platforms.has(platform))
    .map((platform) => `${folder} has no build for ${platform}`);
}

function optionalOf(locked: LockedPackages, folder: string): Record<string, string> {
  return locked[folder]?.optionalDependencies ?? {};
}

/** The package that `folder` would import: the nearest of that name, if it is of the version that is wanted. */
function find(
  locked: LockedPackages,
  folder: string,
  name: string,
  version: string,
): LockedPackage | undefined {
  const nearest = foldersAbove(folder)
    .map((above) => locked[`${above}node_modules/${name}`])
    .find((one) => one !== undefined);
  const isExact = /^\d+\.\d+\.\d+\S*$/.test(version);
  return isExact && nearest?.version !== version ? undefined : nearest;
}

/** "node_modules/a/node_modules/b" is within itself, "node_modules/a/" and "", the root. */
function foldersAbove(folder: string): string[] {
  const ends = [...folder.matchAll(/node_modules\//g)].map(({ index }) => index).reverse();
  return [folder === "" ? "" : `${folder}/`, ...ends.map((end) => folder.slice(0, end))];
}
