import { expect, it } from "vitest";
import { childEnv } from "./child-env.ts";

const NODE = "/opt/node/bin";

it("passes on what is safe and nothing else", () => {
  const env = childEnv({ PATH: "/bin", HOME: "/h", LANG: "C", OPENAI_API_KEY: "k", TZ: undefined }, {}, NODE);

  expect(env).toEqual({ PATH: "/bin:/opt/node/bin", HOME: "/h", LANG: "C" });
});

it("lets a server's own variables win", () => {
  const env = childEnv({ PATH: "/bin", HOME: "/h" }, { HOME: "/other", A: "1", PATH: "/mine" }, NODE);

  expect(env).toEqual({ PATH: "/mine:/opt/node/bin", HOME: "/other", A: "1" });
});

it.each([{}, { PATH: "" }])("finds node where there is no PATH", (own) => {
  expect(childEnv(own, {}, NODE).PATH).toBe(NODE);
});
