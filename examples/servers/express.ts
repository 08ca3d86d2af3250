import { createRequestListener } from "@remix-run/node-fetch-server";
import express from "express";
import { handler } from "./api.ts";
import { type Running, running } from "./running.ts";

export function startExpress(): Promise<Running> {
  const app = express();
  const onError = () => new Response(null, { status: 400 });
  // Before express.json(), as a body can be read only once; at the root, as Express cuts off the path of a router.
  app.all("/background-tasks{/*path}", createRequestListener(handler, { onError }));
  app.use(express.json());
  app.get("/", (_request, response) => void response.send("the rest of your app"));
  return running(app.listen(0, "127.0.0.1"));
}
