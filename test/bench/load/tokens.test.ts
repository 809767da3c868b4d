import { expect, it } from "vitest";
import { createTokenReader, emitTokens, TOKEN_LENGTH } from "./tokens.ts";

async function textOf(count: number): Promise<string> {
  let text = "";
  await emitTokens(count, (token) => {
    text += token;
  });
  return text;
}

it("finds every token, however the text is cut", async () => {
  const text = await textOf(3);
  const reader = createTokenReader();

  for (const character of text) reader.read(character);

  expect(reader.latencies).toHaveLength(3);
  expect(reader.length()).toBe(text.length);
});

it("refuses a stream in which a token is missing, or comes twice", async () => {
  const text = await textOf(2);
  const reader = createTokenReader();
  reader.read(text.slice(0, TOKEN_LENGTH));

  expect(() => createTokenReader().read(text.slice(TOKEN_LENGTH))).toThrow("token 1 came where 0 was due");
  expect(() => reader.read(text.slice(0, TOKEN_LENGTH))).toThrow("token 0 came where 1 was due");
});
