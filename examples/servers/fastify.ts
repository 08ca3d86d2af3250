import { createRequest } from "@remix-run/node-fetch-server";
import fastify from "fastify";
import { handler } from "./api.ts";
import { type Running, running } from "./running.ts";

/** Fastify sends the responses of the web itself, so that its hooks, CORS among them, see them like any other. */
export async function startFastify(): Promise<Running> {
  const app = fastify();
  // In a scope of its own, where the handler reads the bodies and not Fastify.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    for (const url of ["/background-tasks", "/background-tasks/*"]) {
      scope.all(url, (request, reply) => handler(createRequest(request.raw, reply.raw)));
    }
  });
  app.get("/", async () => "the rest of your app");
  await app.listen({ port: 0, host: "127.0.0.1" });
  return running(app.server);
}
