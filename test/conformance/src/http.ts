import { request as send } from "node:http";
import type { HttpAnswer, HttpRequest } from "./case.ts";

const ANSWER_MS = 15_000;

/** Asks over HTTP/1.1, with exactly the headers that are given, `Host` included; `fetch` would not let one choose it. */
export function askHttp(url: string, { path, method = "POST", headers = {}, body }: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers }, signal: AbortSignal.timeout(ANSWER_MS) };
    const request = send(new URL(path, url), options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const named = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
        resolve({ status: answer.statusCode ?? 0, headers: new Headers(named), body: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}
