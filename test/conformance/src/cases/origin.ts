import { ServerQueryController } from "@stigmer/contracts/platform";
import type { Case, Context, HttpAnswer } from "../case.ts";
import { check, ERROR_DOMAIN, same } from "../checks.ts";

const PATH = `/${ServerQueryController.typeName}/getInfo`;
const JSON_TYPE = { "content-type": "application/json" };

/** What a backend on the loopback refuses, as a web page must not drive it. */
export const originCases: readonly Case[] = [
  ...["stigmer.example", "127.0.0.1.example", "localhost.example:80"].map((host) => refusedCase("Host", host)),
  ...["http://stigmer.example", "https://localhost", "null", "http://localhost:1"].map((origin) =>
    refusedCase("Origin", origin),
  ),
  {
    name: "serves requests whose Host is a loopback name",
    needs: ["plain", "loopback"],
    async run(context) {
      for (const host of ["localhost", "127.0.0.1", "[::1]"]) same((await ask(context, { host })).status, 200, host);
    },
  },
];

function refusedCase(header: "Host" | "Origin", value: string): Case {
  return {
    name: `refuses the ${header} ${value}`,
    needs: ["plain", "loopback"],
    async run(context) {
      const answer = await ask(context, { [header.toLowerCase()]: value });

      same(answer.status, 403, "status");
      const { code, details } = JSON.parse(String(answer.body));
      same(code, "permission_denied", "code");
      check(Array.isArray(details), "there are no details");
      const infos = details.filter(({ type }) => type === "google.rpc.ErrorInfo");
      same(infos.length, 1, "number of ErrorInfos");
      const { reason, domain } = infos[0].debug ?? {};
      same({ reason, domain }, { reason: "ORIGIN_REFUSED", domain: ERROR_DOMAIN }, "ErrorInfo");
    },
  };
}

function ask(context: Context, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> {
  return context.http({ path: PATH, headers: { ...JSON_TYPE, ...headers }, body: "{}" });
}
