import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

export type CallOptions = {
  readonly headers?: Readonly<Record<string, string>>;
};

/** An answer, and what came with it. */
export type Answer<O> = { readonly message: O; readonly header: Headers; readonly trailer: Headers };

/** Messages of a server's stream, each read with a deadline. */
export interface Reader<O> extends AsyncDisposable {
  /** The next message; throws where there is none in time, or where the stream ended. */
  next(): Promise<O>;
  /** The messages up to the first of which `last` says so, that one included. */
  until(last: (message: O) => boolean): Promise<readonly O[]>;
}

/** Calls of any method, each with a deadline. */
export interface Calls {
  send<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<Answer<MessageShape<O>>>;
  /** The same, for who wants the answer's message alone. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  open<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Reader<MessageShape<O>>;
}
