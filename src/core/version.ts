/** That of package.json, as a test holds: core reads no files, and runs without having been built. */
export const VERSION = "0.1.0";
