import { type ChildProcess, fork, type SpawnOptions, spawn } from "node:child_process";
import { join } from "node:path";

/** One of this package's programs in a process of its own, which answers questions one at a time. */
export interface Program extends AsyncDisposable {
  ask<Answer>(question: unknown): Promise<Answer>;
}

/** Starts a program of this package that calls `answerQuestions`. It ends with us, however we end. */
export function startProgram(path: string): Program {
  const child = fork(join(import.meta.dirname, "..", path), { stdio: "inherit" });
  return {
    ask<Answer>(question: unknown) {
      return new Promise<Answer>((resolve, reject) => {
        const gone = (): void => reject(new Error(`${path} ended with ${child.exitCode ?? child.signalCode}`));
        child.once("exit", gone);
        child.once("message", (message: { readonly answer: Answer } | { readonly error: string }) => {
          child.off("exit", gone);
          if ("error" in message) reject(new Error(message.error));
          else resolve(message.answer);
        });
        child.send({ question });
      });
    },
    [Symbol.asyncDispose]: () => ended(child),
  };
}

/** Makes this process a program: it answers the questions of the one that started it, and ends with it. */
export function answerQuestions<Question, Answer>(answer: (question: Question) => Promise<Answer>): void {
  process.on("message", ({ question }: { readonly question: Question }) => {
    answer(question).then(
      (found) => process.send?.({ answer: found }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : `${error}` }),
    );
  });
  process.on("disconnect", () => process.exit());
}

/** A program from elsewhere, ended when it is disposed of. */
export function startForeign(path: string, args: readonly string[], options: SpawnOptions = {}): AsyncDisposable {
  const child = spawn(path, args, { stdio: "ignore", ...options });
  child.on("error", () => {}); // whoever waits for it to serve finds out
  return { [Symbol.asyncDispose]: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(timer);
}
