import { type ChildProcess, fork, type SpawnOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** One of this package's programs in a process of its own, which answers questions, several at once if asked so. */
export interface Program extends AsyncDisposable {
  ask<Answer>(question: unknown): Promise<Answer>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

type Reply<Answer> = { readonly id: number } & ({ readonly answer: Answer } | { readonly error: string });

/** Starts a program of this package that calls `answerQuestions`. It ends with us, however we end. */
export function startProgram(path: string): Program {
  const child = fork(join(import.meta.dirname, "..", path), { stdio: "inherit" });
  let questions = 0;
  return {
    ask<Answer>(question: unknown) {
      return new Promise<Answer>((resolve, reject) => {
        const id = ++questions;
        const gone = (): void => reject(new Error(`${path} ended with ${child.exitCode ?? child.signalCode}`));
        const heard = (message: Reply<Answer>): void => {
          if (message.id !== id) return;
          child.off("exit", gone);
          child.off("message", heard);
          if ("error" in message) reject(new Error(message.error));
          else resolve(message.answer);
        };
        child.once("exit", gone);
        child.on("message", heard);
        child.send({ id, question });
      });
    },
    kill: () => ended(child, "SIGKILL"),
    [Symbol.asyncDispose]: () => ended(child),
  };
}

/** Makes this process a program: it answers the questions of the one that started it, and ends with it. */
export function answerQuestions<Question, Answer>(answer: (question: Question) => Promise<Answer>): void {
  process.on("message", ({ id, question }: { readonly id: number; readonly question: Question }) => {
    answer(question).then(
      (found) => process.send?.({ id, answer: found }),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
    );
  });
  process.on("disconnect", () => process.exit());
}

/** A program from elsewhere. */
export interface ForeignProgram extends AsyncDisposable {
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** Starts a program from elsewhere, which is ended when it is disposed of. */
export function startForeign(path: string, args: readonly string[], options: SpawnOptions = {}): ForeignProgram {
  const child = spawn(path, args, { stdio: "ignore", ...options });
  child.on("error", () => {}); // whoever waits for it to serve finds out
  return { kill: () => ended(child, "SIGKILL"), [Symbol.asyncDispose]: () => ended(child) };
}

/** Where a program of the machine lies; undefined where it is not there, which in CI is an error. */
export function findProgram(name: string, hint: string, folders: readonly string[] = []): string | undefined {
  const places = [...(process.env.PATH ?? "").split(delimiter), ...folders].map((folder) => join(folder, name));
  const found = places.find((candidate) => existsSync(candidate));
  if (!found && process.env.CI) throw new Error(`${name} is ${hint}`);
  return found;
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port is free");
  return address.port;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(timer);
}
