import { expect, it } from "vitest";
import { dollars } from "./dollars.ts";

it("writes amounts as people do, and keeps what is small", () => {
  const amounts = [0n, 1n, 125n, 9_990n, 10_000n, 1_250_000n, 1_234_567n, 12_000_000n].map(dollars);

  expect(amounts).toEqual(["$0.00", "$0.000001", "$0.000125", "$0.00999", "$0.01", "$1.25", "$1.2345", "$12.00"]);
});
