import { exhausted, Fault, internal, invalid, unavailable, unsupported } from "@stigmer/base";

/** What the protocols themselves refuse, before a handler has seen the call. */

const MAX_QUOTED = 200;

/** Bytes that are no message of the method's type, or break the protocol's rules. `cause` is for JSON, which people write. */
export function malformed(cause?: string): Fault {
  const what = cause === undefined ? "" : `: ${quoted(cause)}`;
  const message = `the request can't be read as a message of its method's type${what}; encode it by the contract's own descriptors`;
  return new Fault("invalid", "MALFORMED_REQUEST", {}, { message });
}

export function tooLarge(): Fault {
  const message = "the message is larger than this backend takes; getInfo states the limit, and less at once fits";
  return exhausted("MESSAGE_TOO_LARGE", { limit: "message_bytes" }, { message });
}

export function answerTooLarge(): Fault {
  const message = "the answer is larger than this backend sends; ask for less at once";
  return exhausted("LIMIT_REACHED", { limit: "answer_bytes" }, { message });
}

export function unreadAnswers(): Fault {
  const message = "too many answers wait for this connection's client; read them before asking for more";
  return exhausted("LIMIT_REACHED", { limit: "unread_answer_bytes" }, { message });
}

export function unknownMethod(path: string): Fault {
  const method = quoted(path);
  const message = `this backend has no method ${method}; server reflection lists those that it has`;
  return unsupported("METHOD_UNKNOWN", { method }, { message });
}

export function unknownCompression(name: string): Fault {
  const compression = quoted(name);
  const message = `compression ${JSON.stringify(compression)} is not supported; use gzip, or none`;
  return unsupported("FEATURE_NOT_CLAIMED", { compression }, { message });
}

/** A content type, an HTTP method or a version of HTTP that the method can't be called with. */
export function unspeakable(status: number): Fault {
  const messages: Record<number, string> = {
    405: "methods are called with POST",
    415: "this content type is not spoken here; use application/json, application/proto or application/grpc",
    505: "a method that streams both ways needs HTTP/2",
  };
  return invalid([{ field: "", description: messages[status] ?? "this can't be answered" }], "MALFORMED_REQUEST");
}

/** A call that outlived its deadline of `ms` milliseconds. */
export function late(ms: number | undefined): Fault {
  const deadline = ms === undefined ? "its deadline" : `its deadline of ${ms} ms`;
  const message = `the call took longer than ${deadline}; give it more time, or ask for less`;
  return new Fault("late", "DEADLINE_EXCEEDED", {}, { message });
}

export function cancelled(): Fault {
  return new Fault("cancelled", "CANCELLED", {}, { message: "the call was cancelled by its client" });
}

export function shuttingDown(): Fault {
  return unavailable("SHUTTING_DOWN", {}, { message: "the backend is stopping; try again in a moment" });
}

export function failed(cause: unknown): Fault {
  return internal("INTERNAL", {}, { cause });
}

function quoted(text: string): string {
  const short = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return short.toWellFormed();
}
