/** Drives a server by its document alone: all that is known of the API has been read there. */

import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { type Case, casesOf, type Draft } from "./cases.ts";
import { type Document, operationsOf } from "./document.ts";
import { closed, type Heard, Judge } from "./judge.ts";
import { Values } from "./values.ts";

export interface Target {
  origin: string;
  credentials: Record<string, string>;
  /** @default 10_000 */
  hangsAfterMs?: number;
}

export class Driver {
  readonly deviations: string[] = [];
  /** How often each operation has returned each status. */
  readonly seen = new Map<string, number>();
  sent = 0;
  readonly #document: Document;
  readonly #target: Target;
  readonly #cases: Case[];
  readonly #judge: Judge;
  /** The newest that were seen. */
  #ids: string[] = [];

  constructor(document: Document, target: Target) {
    const ajv = new Ajv2020({ strict: false });
    this.#document = document;
    this.#target = target;
    this.#cases = casesOf(document, new Values(document, ajv));
    this.#judge = new Judge(ajv, closed(document.components));
  }

  /** Sends as many requests, of all kinds in turn. */
  async drive(requests: number): Promise<this> {
    const rounds = Math.ceil(requests / this.#cases.length);
    const drafts = this.#cases.map(({ draft }, seed) => fc.sample(draft, { numRuns: rounds, seed }));
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, one] of this.#cases.entries()) {
        const draft = drafts[index]?.[round];
        if (draft !== undefined && this.sent < requests) await this.#visit(one, draft);
      }
    }
    return this;
  }

  /** The operations that have never done what they are for. */
  neverDone(): string[] {
    const names = operationsOf(this.#document).map(({ operationId }) => operationId);
    return names.filter((name) => ![...this.seen.keys()].some((seen) => seen.startsWith(`${name} 2`)));
  }

  async #visit(one: Case, { path, ...rest }: Draft): Promise<void> {
    const id = this.#ids[this.sent % this.#ids.length] ?? "none-yet";
    const draft = { ...rest, path: path.replace("{id}", id) };
    const heard = await this.#ask(one, draft);
    const tag = heard.headers.get("ETag");
    if (!one.again || tag === null) return;
    const headers = { ...draft.headers, "If-None-Match": tag };
    const next = await this.#ask(one, { ...draft, headers });
    if (next.status !== 304 && next.headers.get("ETag") === tag) this.#tell(one, "not 304, and not changed");
  }

  async #ask(one: Case, draft: Draft): Promise<Heard> {
    const heard = await this.#send(draft).catch((error: unknown) => this.#silence(draft, error));
    this.sent += 1;
    const answer = `${one.operation?.operationId ?? "nothing"} ${heard.status}`;
    this.seen.set(answer, (this.seen.get(answer) ?? 0) + 1);
    for (const fault of this.#judge.faultsOf(one, heard)) this.#tell(one, fault);
    const ids = [...heard.body.matchAll(/"id":"([^"]+)"/g)].map(([, id = ""]) => id);
    this.#ids = [...new Set([...ids, ...this.#ids])].slice(0, 20);
    return heard;
  }

  async #send({ method, path, query, headers, body, hasCredentials }: Draft): Promise<Heard> {
    const url = new URL(this.#target.origin + path);
    for (const [name, text] of query) url.searchParams.append(name, text);
    const { credentials, hangsAfterMs = 10_000 } = this.#target;
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(hasCredentials && credentials) },
      signal: AbortSignal.timeout(hangsAfterMs),
      ...(body !== undefined && { body }),
    });
    return { method, status: response.status, headers: response.headers, body: await textIn(response) };
  }

  #silence({ method, path }: Draft, error: unknown): Heard {
    this.deviations.push(`${method} ${path}: no answer (${error})`);
    return { method, status: 0, headers: new Headers(), body: "" };
  }

  #tell({ name }: Case, fault: string): void {
    this.deviations.push(`${name}: ${fault}`);
  }
}

/** A stream is looked at no further than to its head. */
async function textIn(response: Response): Promise<string> {
  if (response.headers.get("Content-Type") !== "text/event-stream") return response.text();
  await response.body?.cancel();
  return "";
}
