/** Where things are, as options of hosts say it. */

import type { Kind } from "./kinds.ts";
import { fault } from "./validate.ts";

/** A path as it stands in the URL of a request. */
export function path(...[value, name, code]: Parameters<Kind<string>>): string {
  if (typeof value === "string" && /^\/(?!\/)[^?#\\]*$/.test(value)) {
    return new URL(value, "http://localhost").pathname.replace(/\/$/, "");
  }
  throw fault(code, name, 'a path that begins with "/"', value);
}

/** Origins as browsers send them. */
export function origins(...[value, name, code]: Parameters<Kind<string[]>>): string[] {
  if (!Array.isArray(value)) throw fault(code, name, "a list", value);
  return value.map((origin: unknown) => {
    const parsed = typeof origin === "string" && URL.canParse(origin) ? new URL(origin) : undefined;
    if (parsed && parsed.origin !== "null" && parsed.href === `${parsed.origin}/`) return parsed.origin;
    throw fault(code, name, 'a list of origins such as "https://app.example.com"', origin);
  });
}
