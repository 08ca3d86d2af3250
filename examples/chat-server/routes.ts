import { readFileSync } from "node:fs";
import { createUIMessageStream, createUIMessageStreamResponse } from "ai";
import type { BackgroundTaskManager } from "tool-offload";
import { taskPart } from "tool-offload/adapters/ai-sdk";
import { createTaskHandler } from "tool-offload/http";
import * as z from "zod";
import type { Chats } from "./chats.ts";
import type { ChatMessage, ChatScope, Conversations } from "./conversations.ts";

interface App {
  tasks: BackgroundTaskManager;
  conversations: Conversations;
  chats: Chats;
}

/** Text alone: a page must not send messages of its own making, such as late results or the model's words. */
const bodySchema = z.object({ text: z.string().trim().min(1).max(10_000) });
const page = readFileSync(new URL("./page.html", import.meta.url));

/**
 * - `GET /` the page
 * - `POST /chats/:id/messages` `{ text }`: a turn, as a stream for the AI SDK's `useChat`
 * - `GET /chats/:id` the messages
 * - `GET /chats/:id/live` the same kind of stream, of what happens from now on: tasks, and news in the chat
 * - `/background-tasks…` the library's own
 */
export function routes({ tasks, conversations, chats }: App): (request: Request) => Promise<Response> {
  const handleTasks = createTaskHandler({ tasks, authenticate, allowCancel: true });

  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/")
      return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
    if (pathname.startsWith("/background-tasks")) return handleTasks(request);

    const user = authenticate(request);
    if (user === null) return new Response(null, { status: 401 });
    const [, sessionId, rest = ""] = /^\/chats\/([\w-]{1,64})(\/\w+)?$/.exec(pathname) ?? [];
    if (sessionId === undefined) return new Response(null, { status: 404 });
    const scope = { ...user, sessionId };
    switch (`${request.method} ${rest}`) {
      case "GET ":
        return Response.json(conversations.read(scope));
      case "GET /live":
        return live(scope, request.signal);
      case "POST /messages":
        return say(scope, request);
      default:
        return new Response(null, { status: 404 });
    }
  };

  async function say(scope: ChatScope, request: Request): Promise<Response> {
    const body = bodySchema.safeParse(await request.json().catch(() => undefined));
    if (!body.success) return new Response(z.prettifyError(body.error), { status: 400 });
    return chats.say(scope, body.data.text);
  }

  function live(scope: ChatScope, signal: AbortSignal): Response {
    const stream = createUIMessageStream<ChatMessage>({
      async execute({ writer }) {
        // Node sends the headers with the first chunk, and the page waits for them.
        writer.write({ type: "start" });
        conversations.onChange(scope, signal, () => {
          writer.write({ type: "data-chat", data: null, transient: true });
        });
        for await (const { task } of tasks.watch(scope, { signal }))
          writer.write({ ...taskPart(task), transient: true });
      },
    });
    return createUIMessageStreamResponse({ stream });
  }
}

/** Whoever says that they are Ada is Ada. Look into your own sessions here. */
function authenticate(request: Request): { userId: string } | null {
  const name = request.headers.get("x-user") ?? new URL(request.url).searchParams.get("user");
  return name !== null && /^\w{1,32}$/.test(name) ? { userId: name } : null;
}
