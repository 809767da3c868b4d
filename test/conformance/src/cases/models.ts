import { ModelCommandController, ModelQueryController, UsageGroup } from "@stigmer/contracts/gateway";
import type { Case } from "../case.ts";
import { check, refused, same } from "../checks.ts";

const { list, usage } = ModelQueryController.method;
const { test } = ModelCommandController.method;
const GROUPS = [UsageGroup.UNSPECIFIED, UsageGroup.AGENT, UsageGroup.MODEL, UsageGroup.SESSION, UsageGroup.DAY];
/** A provider that nobody has set up. */
const NOWHERE = "conformance-nowhere";
/** Before there were executions. */
const LONG_AGO = { seconds: 1n };

/** Models, and what was used of them. Nothing here asks a model. */
export const modelCases: readonly Case[] = [
  {
    name: "model list: names a provider that is not set up, and why it does not answer",
    feature: ModelQueryController.typeName,
    spread: true,
    async run(context) {
      const { models, providers } = await context.call(list, { provider: NOWHERE });

      same(models, [], "models");
      same(
        providers.map(({ provider, reachable }) => [provider, reachable]),
        [[NOWHERE, false]],
        "providers",
      );
      same(providers[0]?.error?.reason, "PROVIDER_NOT_CONFIGURED", "reason");
    },
  },
  {
    name: "model test: answers with what is wrong, and does not fail",
    feature: ModelCommandController.typeName,
    spread: true,
    async run(context) {
      const { model, error } = await context.call(test, { model: `${NOWHERE}/m` });

      same([model, error?.reason], [`${NOWHERE}/m`, "PROVIDER_NOT_CONFIGURED"], "model and reason");
      check(error?.message, "nothing says what to do");
    },
  },
  {
    name: "model test: refuses a model that does not say its provider",
    feature: ModelCommandController.typeName,
    spread: true,
    run: async (context) => void (await refused(context.call(test, { model: "gpt" }), "INVALID_REQUEST", "model")),
  },
  ...GROUPS.map(
    (groupBy): Case => ({
      name: `model usage: by ${UsageGroup[groupBy]} finds nothing in a time without executions`,
      feature: ModelQueryController.typeName,
      spread: true,
      async run(context) {
        const { rows, total, nextPageToken } = await context.call(usage, { groupBy, to: LONG_AGO });

        same([rows, nextPageToken], [[], ""], "rows and token");
        same([total?.executions, total?.calls, total?.usage?.inputTokens], [0n, 0n, 0n], "total");
      },
    }),
  ),
  {
    name: "model usage: counts each execution of the total in one of the days",
    feature: ModelQueryController.typeName,
    async run(context) {
      const { rows, total, nextPageToken } = await context.call(usage, { groupBy: UsageGroup.DAY, pageSize: 1_000 });

      const executions = rows.reduce((sum, row) => sum + row.executions, 0n);
      if (nextPageToken === "") same(executions, total?.executions, "executions of all rows");
    },
  },
  {
    name: "model usage: refuses a page token that it did not make",
    feature: ModelQueryController.typeName,
    spread: true,
    run: async (context) => void (await refused(context.call(usage, { pageToken: "AAAA" }), "PAGE_TOKEN_INVALID")),
  },
  {
    name: "model usage: refuses pages that are too large",
    feature: ModelQueryController.typeName,
    spread: true,
    run: async (context) =>
      void (await refused(context.call(usage, { pageSize: 1_001 }), "INVALID_REQUEST", "pageSize")),
  },
];
