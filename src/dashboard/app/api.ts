/** Whom the page asks. Where the API is stands in the document. */
import { createTaskClient, TaskClientError } from "../../client/index.ts";

const baseUrl = document.body.dataset.api ?? "/background-tasks";

export const client = createTaskClient({ baseUrl });

/** What a handler has beside tasks to look at. */
export interface Offer {
  cancel: boolean;
  create: boolean;
}

/** A handler describes itself; an older one does not, and then there is only something to look at. */
export async function readOffer(): Promise<Offer> {
  const response = await fetch(`${baseUrl}/openapi.json`).catch(() => undefined);
  if (!response?.ok) return { cancel: false, create: false };
  const { paths = {} } = (await response.json()) as { paths?: Record<string, Record<string, unknown>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  return {
    cancel: routes.some((route) => /^post .*\/cancel$/.test(route)),
    create: routes.some((route) => /^get .*\/tools$/.test(route)),
  };
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof TaskClientError && error.code === "signed_out";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
