import { ServerProcess } from "./process.ts";
import { tell } from "./show.ts";

/** For a browser: starts the server again whenever it dies, until Ctrl-C. */
export async function serve(folder: string): Promise<never> {
  let server = await ServerProcess.start(folder, { port: process.env.PORT });
  const { url } = server;
  console.log(`
  Ada  ${url}/?user=ada
  Bob  ${url}/?user=bob

  Ask for something slow, close the page, and come back. Or kill the server in the middle of it: it is
  started again on the same files.

  kill -9 ${server.pid}

  Ctrl-C ends it.
`);
  for (;;) {
    await server.ended;
    server = await ServerProcess.start(folder, { port: new URL(url).port });
    tell(`It has died, and is process ${server.pid} now.`);
  }
}
