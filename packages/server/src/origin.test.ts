import { expect, it } from "vitest";
import { refusalOf } from "./origin.ts";

it.each(["localhost", "localhost:50051", "127.0.0.1:50051", "127.8.9.1", "[::1]:50051", "LOCALHOST:1"])(
  "serves the loopback name %s",
  (host) => {
    expect(refusalOf({ host })).toBeUndefined();
  },
);

it.each([
  "",
  "example.com",
  "localhost.example.com",
  "127.0.0.1.example.com",
  "10.0.0.1:50051",
  "[::2]",
  "localhost:50051@evil",
  "::1",
])("refuses the host %j", (host) => {
  expect(refusalOf({ host })).toContain("host");
});

it("believes HTTP/2's authority before a Host header", () => {
  expect(refusalOf({ ":authority": "evil.example", host: "localhost" })).toContain("evil.example");
});

it("lets a page of its own in, and no other", () => {
  const host = "localhost:50051";

  expect(refusalOf({ host, origin: "http://localhost:50051" })).toBeUndefined();
  for (const origin of ["http://localhost:3000", "https://localhost:50051", "null", "http://evil.example"]) {
    expect(refusalOf({ host, origin })).toContain("origin");
  }
});
