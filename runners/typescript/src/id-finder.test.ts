import { expect, it } from "vitest";
import { createIdFinder } from "./id-finder.ts";

function find(text: string, size = text.length) {
  const finder = createIdFinder();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) finder.push(bytes.subarray(at, at + size));
  return finder.found();
}

const large = { content: [{ type: "text", text: 'say "id": 3, {[\\ and \n' }], id: 9, method: "m" };

it.each([
  ["first", JSON.stringify({ id: 7, jsonrpc: "2.0", result: large }), 7],
  ["last", JSON.stringify({ result: large, jsonrpc: "2.0", id: 7 }), 7],
  ["a text", JSON.stringify({ result: large, id: 'a"b\\' }), 'a"b\\'],
  ["between blanks", '{ "result" : [ {} ] , "id" : 7 }', 7],
  ["nowhere", JSON.stringify({ result: large }), undefined],
  ["null", JSON.stringify({ id: null, result: large }), undefined],
  ["no JSON", "lorem ipsum", undefined],
])("finds the id of an answer that has it %s, wherever the chunks end", (_, text, id) => {
  expect(find(text)).toEqual({ id, hasMethod: false });
  expect(find(text, 1)).toEqual({ id, hasMethod: false });
});

it("tells a request from an answer", () => {
  expect(find(JSON.stringify({ id: 1, method: "sampling/createMessage", params: large }))).toEqual({
    id: 1,
    hasMethod: true,
  });
});
