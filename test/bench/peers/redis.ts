import { createConnection } from "node:net";
import { eventually } from "@stigmer/e2e/harness";
import { findProgram, freePort, startForeign } from "../harness/programs.ts";
import { temporaryHome } from "../harness/temporary-home.ts";

export const REDIS_MISSING = "not on this machine: apt-get install redis-server";

/** Starts Redis on a folder and a port of its own; it syncs each write before it answers. Its port, or undefined where it is not on the machine. */
export async function startRedis(resources: AsyncDisposableStack): Promise<number | undefined> {
  const path = findProgram("redis-server", REDIS_MISSING);
  if (!path) return undefined;
  const dir = temporaryHome(resources);
  const port = await freePort();
  const settings = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", dir, "--save", ""];
  resources.use(startForeign(path, [...settings, "--appendonly", "yes", "--appendfsync", "always"]));
  await eventually(() => isListening(port), "Redis to serve");
  return port;
}

function isListening(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(undefined));
  });
}
