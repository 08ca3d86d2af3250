/** Whom the page asks. Where the API is stands in the document. */
import { createTaskClient, TaskClientError } from "../../client/index.ts";
import { cleanText } from "./clean-text.ts";

/** As a URL: a path is empty where the handler has the whole server. */
const baseUrl = location.origin + (document.body.dataset.api ?? "/background-tasks");

export const client = createTaskClient({ baseUrl });

/** What a handler has beside tasks to look at. */
export interface Offer {
  cancel: boolean;
  create: boolean;
}

/** A handler describes itself; an older one does not, and offers nothing but to look. Undefined where it cannot say now. */
export async function readOffer(): Promise<Offer | undefined> {
  const response = await fetch(`${baseUrl}/openapi.json`).catch(() => undefined);
  if (response === undefined || MAY_PASS.includes(response.status) || response.status >= 500)
    return undefined;
  const document = await response.json().catch(() => undefined);
  const paths: Record<string, object> = document?.paths ?? {};
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  return {
    cancel: routes.some((route) => /^post .*\/cancel$/.test(route)),
    create: routes.some((route) => /^get .*\/tools$/.test(route)),
  };
}

/** Not signed in, and too many requests. */
const MAY_PASS = [401, 429];

export function isSignedOut(error: unknown): boolean {
  return error instanceof TaskClientError && error.code === "signed_out";
}

export function messageOf(error: unknown): string {
  return cleanText(error instanceof Error ? error.message : String(error));
}
