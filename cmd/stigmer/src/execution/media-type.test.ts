import { expect, it } from "vitest";
import { mediaTypeOf } from "./media-type.ts";

it.each([
  ["photo.JPG", [0xff, 0xd8], "image/jpeg"],
  ["report.pdf", [], "application/pdf"],
  ["main.rs", [0x66, 0x6e], "text/plain"],
  ["Makefile", [], "text/plain"],
  ["cut", [0x61, 0xe2, 0x82], "text/plain"],
  ["core", [0x7f, 0x45, 0x4c, 0x46, 0], "application/octet-stream"],
  ["latin", [0xe4, 0x20], "application/octet-stream"],
])("takes %s that begins with %j for %s", (name, head, type) => {
  expect(mediaTypeOf(name, Uint8Array.from(head))).toBe(type);
});
