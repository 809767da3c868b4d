import { createParser } from "eventsource-parser";
import { Trouble } from "./trouble.ts";

/** The data of each server-sent event. An event that the end of the stream cuts off is dropped, as the standard says. */
export async function* eventData(bytes: AsyncIterable<Uint8Array>, maxBuffer: number): AsyncIterable<string> {
  const decoder = new TextDecoder();
  const ready: string[] = [];
  const parser = createParser({
    maxBufferSize: maxBuffer,
    onEvent: ({ data }) => ready.push(data),
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded")
        throw new Trouble(`it sent an event larger than ${maxBuffer} characters`);
    },
  });
  for await (const chunk of bytes) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* ready.splice(0);
  }
}
