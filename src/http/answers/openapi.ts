/** What a handler has, in OpenAPI. */

import { type Answer, ok } from "../response.ts";
import type { Visit } from "../route.ts";

export async function readOpenApi({ openApi }: Visit): Promise<Answer<Record<string, unknown>, 200>> {
  return ok(openApi());
}
