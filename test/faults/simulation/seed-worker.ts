import { parentPort } from "node:worker_threads";
import { simulate } from "./world.ts";

const port = parentPort;
if (!port) throw new Error("this is the script of a worker");

// Worlds make errors all the time; a replay shows where they come from.
Error.stackTraceLimit = 0;

port.on("message", async (seed: number) => {
  const { lines, ...verdict } = await simulate(seed);
  port.postMessage(verdict);
});
