import { createServer, type Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { handler } from "./api.ts";
import { type Running, running } from "./running.ts";

/** Hono speaks in requests of the web, so nothing stands between. */
export function startHono(): Promise<Running> {
  const app = new Hono();
  app.get("/", (context) => context.text("the rest of your app"));
  app.all("/background-tasks/*", (context) => handler(context.req.raw));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", createServer });
  return running(server as Server);
}
