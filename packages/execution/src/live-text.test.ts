import { createRedactor } from "@stigmer/base";
import { expect, it } from "vitest";
import { createLiveText, createTextRoom } from "./live-text.ts";

const MEBIBYTE = 1024 * 1024;

it("is read from any byte on, and from a character's first byte where it is one inside", () => {
  const { text } = setUp();

  text.append("grüß ");
  text.append("🫒");

  expect(text.length()).toBe(11);
  expect([0, 7, 11, 99].map((offset) => text.piece(offset).text)).toEqual(["grüß 🫒", "🫒", "", ""]);
  expect([8, 9, 10].map((offset) => text.piece(offset))).toEqual(Array(3).fill({ offset: 7, end: 11, text: "🫒" }));
});

it("is read in pieces that split no character and leave none out", () => {
  const { text } = setUp();
  const whole = "aü🫒".repeat(40_000);
  text.append(whole);

  const pieces: string[] = [];
  for (let at = 0; at < text.length(); ) {
    const piece = text.piece(at);
    expect([piece.offset, Buffer.byteLength(piece.text)]).toEqual([at, piece.end - at]);
    pieces.push(piece.text);
    at = piece.end;
  }

  expect(pieces.length).toBeGreaterThan(4);
  expect(pieces.join("")).toBe(whole);
});

it("keeps a character whole of which the halves come apart", () => {
  const { text } = setUp();

  text.append("a\ud83e");
  const before = text.piece(0).text;
  text.append("\uded2b");

  expect([before, text.piece(0).text]).toEqual(["a", "a🫒b"]);
});

it("is void after a restart, under another name", () => {
  const { text } = setUp();
  const before = text.stream();
  text.append("void\ud83e");

  text.restart();
  text.append("good");

  expect([text.stream() === before, text.piece(0).text]).toEqual([false, "good"]);
});

it("stops to grow at 8 MiB, and does not go on behind a gap", () => {
  const { text } = setUp();

  for (let count = 0; count < 20; count++) text.append("x".repeat(MEBIBYTE - 1));
  const before = text.length();
  text.append("y");

  expect([before, text.length()]).toEqual([8 * (MEBIBYTE - 1), 8 * (MEBIBYTE - 1)]);
  text.restart();
  text.append("again");
  expect(text.piece(0).text).toBe("again");
});

it("stops to grow where there is no room for all texts, until another gives its own back", () => {
  const room = createTextRoom(3 * MEBIBYTE);
  const [one, two] = [setUp(room).text, setUp(room).text];
  one.append("1".repeat(MEBIBYTE));

  two.append("2".repeat(MEBIBYTE));
  const before = two.length();
  one.close();
  two.restart();
  two.append("2".repeat(MEBIBYTE));

  expect([before, two.length(), one.length()]).toEqual([0, MEBIBYTE, 0]);
});

function setUp(room = createTextRoom(64 * MEBIBYTE)) {
  const told = { count: 0 };
  const changed = (): void => void told.count++;
  const text = createLiveText({ room, changed, mask: createRedactor().stream });
  return { text, told };
}
