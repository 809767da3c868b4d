import { createRedactor } from "@stigmer/base";
import type { PipelineDeps } from "@stigmer/resource";
import { expect, it } from "vitest";
import { composeSecrets } from "./compose-secrets.ts";

it("forgets tokens some time after their end, and no other secrets", () => {
  let now = 0;
  const redactor = createRedactor();
  const resources = { clock: { now: () => now, monotonic: () => now } } as PipelineDeps;
  const { mask } = composeSecrets(resources, redactor);
  mask(["a-secret-for-good"]);
  for (let at = 0; at < 50; at++) mask([`token-number-${at}-of-the-test`], 1_000);

  now = 2_000;
  mask(["token-that-is-new"], 9_000);

  const text = "token-number-7-of-the-test a-secret-for-good token-that-is-new";
  expect(redactor.text(text)).toBe("token-number-7-of-the-test *** ***");
});
