import { expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";

// From RFC 3720, appendix B.4, and the customary check value.
it.each([
  [Buffer.from("123456789"), 0xe3069283],
  [Buffer.alloc(32), 0x8a9136aa],
  [Buffer.alloc(32, 0xff), 0x62a8ab43],
  [Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
  [Buffer.alloc(0), 0],
])("has the known checksum of %s", (bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum);
});
