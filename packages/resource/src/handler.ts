import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Call } from "./call.ts";

/** Serves one method. Requests that reach it are valid, and the caller may make them. */
export type Handler =
  | {
      readonly shape: "unary";
      readonly method: DescMethod;
      readonly run: (request: Message, call: Call) => Promise<Message>;
      /** The encoding of what `run` answers, for protocols that send it; only where it can be had without the message. */
      readonly encoded?: (request: Message, call: Call) => Promise<Uint8Array>;
    }
  | {
      readonly shape: "stream";
      readonly method: DescMethod;
      readonly run: (request: Message, call: Call) => AsyncIterable<Message>;
      /** The same messages, at once those that are ready; many calls may get one array, so nobody may change it. */
      readonly batches?: (request: Message, call: Call) => AsyncIterable<readonly Message[]>;
    }
  | {
      readonly shape: "bidi";
      readonly method: DescMethod;
      readonly run: (requests: AsyncIterable<Message>, call: Call) => AsyncIterable<Message>;
    };

/** Registers a function for a method with one request and one answer. */
export function unary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  run: (request: MessageShape<I>, call: Call) => Promise<MessageShape<O>>,
): Handler {
  return { shape: "unary", method, run: run as unknown as (request: Message, call: Call) => Promise<Message> };
}

/** Registers a generator for a method with one request and many answers. */
export function serverStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodServerStreaming<I, O>,
  run: (request: MessageShape<I>, call: Call) => AsyncIterable<MessageShape<O>>,
): Handler {
  return { shape: "stream", method, run: run as unknown as (request: Message, call: Call) => AsyncIterable<Message> };
}

/** Registers a generator for a method with many requests and many answers. */
export function bidiStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodBiDiStreaming<I, O>,
  run: (requests: AsyncIterable<MessageShape<I>>, call: Call) => AsyncIterable<MessageShape<O>>,
): Handler {
  return {
    shape: "bidi",
    method,
    run: run as unknown as (requests: AsyncIterable<Message>, call: Call) => AsyncIterable<Message>,
  };
}
