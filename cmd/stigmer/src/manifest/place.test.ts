import { expect, it } from "vitest";
import { type Place, placeOfPath } from "./place.ts";

const at = (line: number): Place => ({ file: "f", line, column: 1 });
const places = new Map([
  ["", at(1)],
  ["spec", at(2)],
  ["spec.mcpServers[1]", at(3)],
  ['spec.env["a.b"]', at(4)],
]);

it.each([
  ["spec.mcpServers[1].name", 3],
  ["spec.mcpServers[0].name", 2],
  ["spec.instructions", 2],
  ['spec.env["a.b"]', 4],
  ['spec.env["a.c"]', 2],
  ["metadata.name", 1],
  ["", 1],
])("finds the place of %s, or of the nearest field around it", (path, line) => {
  const place = placeOfPath(places, path);

  expect(place?.line).toBe(line);
});
