/** A program for browsers, bundled when the library is built: see scripts/embedded.ts. */
declare module "embedded:*" {
  export const script: string;
  export const style: string;
  /** As a Content-Security-Policy names them: `sha256-…`. */
  export const scriptHash: string;
  export const styleHash: string;
}
