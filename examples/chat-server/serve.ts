import { startFront } from "./front.ts";
import { ServerProcess } from "./process.ts";
import { tell } from "./show.ts";

/** For a browser: two processes behind one address. Starts each again whenever it dies, until Ctrl-C. */
export async function serve(folder: string): Promise<never> {
  const servers = [await ServerProcess.start(folder), await ServerProcess.start(folder)];
  const { url } = await startFront(servers, Number(process.env.PORT ?? 0));
  console.log(`
  Ada  ${url}/?user=ada
  Bob  ${url}/?user=bob

  Ask for something slow, close the page, and come back. Or kill one of the two servers in the middle of
  it: the other one goes on, and it is started again on the same files.

${servers.map(({ pid }) => `  kill -9 ${pid}`).join("\n")}

  Ctrl-C ends it.
`);
  for (;;) {
    await Promise.race(servers.map(({ ended }) => ended));
    for (const [index, { isAlive }] of servers.entries()) {
      if (isAlive) continue;
      const server = await ServerProcess.start(folder);
      servers[index] = server;
      tell(`One has died, and is process ${server.pid} now.`);
    }
  }
}
