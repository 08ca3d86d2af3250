/** What a route is: all that a table says of it, and what it does. */

import * as z from "zod";
import type { TaskScope } from "../core/model/task.ts";
import type { HandlerSettings } from "./options.ts";
import type { Pages } from "./pages.ts";
import type { ProblemCode } from "./problems.ts";
import type { Answer, StreamAnswer } from "./response.ts";
import type { TaskFeeds } from "./streams/task-feeds.ts";
import type { CreatableTools } from "./tools.ts";
import type { Waits } from "./waits.ts";

/** What a handler has, for all requests. */
export interface Parts extends Omit<HandlerSettings, "onError"> {
  pages: Pages;
  /** What users may create tasks of, by name. */
  creatable: CreatableTools;
  waits: Waits;
  openStreams: Waits;
  feeds: TaskFeeds;
  /** Throws nothing. */
  onError(error: unknown, request: Request): void;
  /** The description of what it has. */
  openApi(): Record<string, unknown>;
}

/** A request on its way through a route, with its query, headers and body as the route's schemas have read them. */
export interface Visit<Query = unknown, Body = unknown, Headers = unknown> extends Parts {
  request: Request;
  url: URL;
  /** Empty where the path holds none. */
  id: string;
  query: Query;
  body: Body;
  headers: Headers;
}

/** A route of the table, whatever its schemas are. */
export type Route = OpenRoute | OwnRoute;

/** Answers anybody. */
export interface OpenRoute extends Outline<AnyQuery, z.ZodType, AnyHeaders, AnswerShapes> {
  open(visit: Visit): Promise<Answer | StreamAnswer>;
}

/** Answers whoever has been authenticated, about what is theirs. */
export interface OwnRoute extends Outline<AnyQuery, z.ZodType, AnyHeaders, AnswerShapes> {
  run(visit: Visit, scope: TaskScope): Promise<Answer | StreamAnswer>;
}

/** What an answer holds, by its content type, and the headers that it has beside those of every answer. */
export interface AnswerShape<Content extends ContentShape = ContentShape> {
  description: string;
  content: Content;
  headers?: Readonly<Record<string, z.ZodType>>;
}

/** One route of those who have been authenticated; its schemas and what it does have to fit together. */
export function ownRoute<
  Query extends AnyQuery,
  Body extends z.ZodType,
  Headers extends AnyHeaders,
  Shapes extends AnswerShapes,
>(
  route: Outline<Query, Body, Headers, Shapes> & {
    run(
      visit: Visit<z.output<Query>, z.output<Body>, z.output<Headers>>,
      scope: TaskScope,
    ): Promise<AnswerIn<Shapes>>;
  },
): OwnRoute {
  return route;
}

/** One route that is open to anybody. */
export function openRoute<Query extends AnyQuery, Body extends z.ZodType, Shapes extends AnswerShapes>(
  route: Outline<Query, Body, AnyHeaders, Shapes> & {
    open(visit: Visit<z.output<Query>, z.output<Body>>): Promise<AnswerIn<Shapes>>;
  },
): OpenRoute {
  return route;
}

export function json<Body extends z.ZodType>(
  description: string,
  body: Body,
  headers: AnswerShape["headers"] = {},
): AnswerShape<{ "application/json": Body }> {
  return { description, content: { "application/json": body }, headers };
}

/** What has no query at all. */
export const noQuerySchema = z.object({});

/** What an answer is made of, by its content type. Nothing at all is an answer, too. */
interface ContentShape {
  "application/json"?: z.ZodType;
  "text/event-stream"?: z.ZodType;
}

type AnyQuery = z.ZodObject;
type AnyHeaders = z.ZodObject;
type AnswerShapes = Readonly<Record<number, AnswerShape>>;

/** One of the answers that the table has for a route. */
type AnswerIn<Shapes extends AnswerShapes> = {
  [Status in keyof Shapes & number]: AnswerOf<Shapes[Status]["content"], Status>;
}[keyof Shapes & number];

type AnswerOf<Content, Status extends number> =
  | (Content extends { "application/json": infer Body extends z.ZodType }
      ? Answer<z.input<Body>, Status>
      : never)
  | (Content extends { "text/event-stream": z.ZodType } ? StreamAnswer : never);

interface Outline<Query, Body, Headers, Shapes> {
  /** Its name, in what is made of the table. */
  name: string;
  method: "GET" | "POST";
  /** Below the base path; `:id` is a task's. */
  path: string;
  summary: string;
  /** @default none: every parameter is refused */
  query?: Query;
  /** The headers that it looks at, beside those that every route of its kind does. @default none */
  headers?: Headers;
  /** @default none */
  body?: Body;
  /** How many bytes the body may have. @default 16_384 */
  maxBodyBytes?: number;
  answers: Shapes;
  /** Beside those that every route of its kind has. */
  problems?: readonly ProblemCode[];
  /** The option of the host without which a handler does not have it. @default every handler has it */
  option?: "allowCancel" | "streams" | "tools";
}
