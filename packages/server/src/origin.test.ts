import { expect, it } from "vitest";
import { refusalOf } from "./origin.ts";

it.each(["localhost", "localhost:50051", "LocalHost:1", "127.0.0.1", "127.9.8.7:80", "[::1]", "[::1]:50051"])(
  "takes requests for %s",
  (host) => {
    expect(refusalOf({ host })).toBeUndefined();
    expect(refusalOf({ ":authority": host })).toBeUndefined();
    expect(refusalOf({ host, origin: `http://${host}` })).toBeUndefined();
  },
);

it.each([
  "",
  "example.com",
  "localhost.example.com",
  "example.com#localhost",
  "localhost.",
  "127.0.0.1.example.com",
  "1127.0.0.1",
  "128.0.0.1",
  "127.0.0",
  "[::2]",
  "::1",
  "[::1]x",
  "localhost:123456",
  "localhost:",
  "user@localhost",
  "localhost\n",
  "lоcalhost",
])("refuses requests for %j", (host) => {
  expect(refusalOf({ host })).toBeDefined();
  expect(refusalOf({ ":authority": host })).toBeDefined();
});

it("refuses requests that do not say for whom", () => {
  expect(refusalOf({})).toBeDefined();
});

it("believes the authority of HTTP/2 before a host header", () => {
  expect(refusalOf({ ":authority": "example.com", host: "localhost" })).toBeDefined();
});

it.each(["http://example.com", "https://localhost:1", "http://localhost:2", "http://127.0.0.1:1", "null", "", "*"])(
  "refuses requests of a page from %j",
  (origin) => {
    expect(refusalOf({ host: "localhost:1", origin })).toBeDefined();
  },
);
