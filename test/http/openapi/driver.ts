/** Drives a server by its document alone: all that is known of the API has been read there. */

import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { type Case, casesOf } from "./cases.ts";
import { type Document, operationsOf, type Schema } from "./document.ts";
import type { Draft } from "./drafts.ts";
import { closed, type Heard, Judge } from "./judge.ts";
import { Values } from "./values.ts";

export interface Target {
  origin: string;
  credentials: Record<string, string>;
  /** @default 10_000 */
  hangsAfterMs?: number;
}

interface SeenTool {
  name: string;
  inputSchema: Schema;
  maxPriority: number;
}

export class Driver {
  readonly deviations: string[] = [];
  /** How often each operation has returned each status. */
  readonly seen = new Map<string, number>();
  sent = 0;
  readonly #document: Document;
  readonly #target: Target;
  readonly #cases: Case[];
  readonly #values: Values;
  readonly #judge: Judge;
  /** The newest that were seen. */
  #ids: string[] = [];
  #tools: SeenTool[] = [];

  constructor(document: Document, target: Target) {
    const ajv = new Ajv2020({ strict: false });
    this.#document = document;
    this.#target = target;
    this.#values = new Values(document, ajv);
    this.#cases = casesOf(document, this.#values);
    this.#judge = new Judge(ajv, closed(document.components));
  }

  /** Sends as many requests, of all kinds in turn, unless what it finds is enough. */
  async drive(requests: number, isEnough: (deviation: string) => boolean = () => false): Promise<this> {
    const rounds = Math.ceil(requests / this.#cases.length);
    const drafts = this.#cases.map(({ draft }, seed) => fc.sample(draft, { numRuns: rounds, seed }));
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, one] of this.#cases.entries()) {
        const draft = drafts[index]?.[round];
        if (this.deviations.some(isEnough)) return this;
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
    const draft = this.#withTool(one, { ...rest, path: path.replace("{id}", id) });
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
    if (heard.body.startsWith('{"tools":')) this.#tools = JSON.parse(heard.body).tools;
    return heard;
  }

  /** What asks for a tool asks, as a rule, for one that was seen in an answer, with what that one takes. */
  #withTool({ operation, isSound }: Case, draft: Draft): Draft {
    const tool = this.#tools[this.sent % (this.#tools.length + 1)];
    const isAsking = operation?.operationId === "createTask" && isSound && draft.body !== undefined;
    if (!isAsking || tool === undefined) return draft;
    const { priority = 1, ...body } = JSON.parse(draft.body ?? "{}");
    const [input] = fc.sample(this.#values.fitting(tool.inputSchema), { numRuns: 1, seed: this.sent });
    const own = { tool: tool.name, input, priority: Math.min(priority, tool.maxPriority) };
    return { ...draft, body: JSON.stringify({ ...body, ...own }) };
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
