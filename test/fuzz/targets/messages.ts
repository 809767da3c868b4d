import { createRegistry, type DescMethod, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import { files } from "@stigmer/contracts/files";
import fc from "fast-check";
import { type Call, framed } from "../harness/calls.ts";
import type { Target } from "../harness/target.ts";
import type { World } from "../harness/world.ts";
import { edited, edits } from "../inputs/edits.ts";
import { messageOf } from "../inputs/message.ts";
import { judge } from "./judge.ts";

type Protocol = { readonly contentType: string; readonly json: boolean; readonly framed: boolean };

const GRPC: Protocol = { contentType: "application/grpc", json: false, framed: true };
const SHARED: readonly Protocol[] = [
  GRPC,
  GRPC,
  { contentType: "application/grpc+json", json: true, framed: true },
  { contentType: "application/grpc-web+proto", json: false, framed: true },
  { contentType: "application/grpc-web+json", json: true, framed: true },
];
const UNARY: readonly Protocol[] = [
  ...SHARED,
  { contentType: "application/proto", json: false, framed: false },
  { contentType: "application/json", json: true, framed: false },
];
const STREAM: readonly Protocol[] = [
  ...SHARED,
  { contentType: "application/connect+proto", json: false, framed: true },
  { contentType: "application/connect+json", json: true, framed: true },
];
const HEADERS = {
  "idempotency-key": fc.constantFrom("k1", "k2", "", "x".repeat(300)),
  "field-manager": fc.constantFrom("m1", "m2", "", "x".repeat(300)),
  "grpc-timeout": fc.constantFrom("1n", "5S", "99999999H", "-1S", "x"),
  "grpc-encoding": fc.constantFrom("identity", "gzip", "nope"),
  "content-encoding": fc.constantFrom("identity", "gzip"),
  "connect-timeout-ms": fc.constantFrom("1", "5000", "-1", "99999999999"),
  "connect-protocol-version": fc.constantFrom("1", "2"),
};

/** Messages for every method of the contract: random, and valid ones spoilt; in every protocol, binary and JSON. */
export function messages(world: World): Target<Call> {
  const methods = world.services.flatMap(({ methods }) => methods);
  return callTarget("messages", world, methods);
}

/** Selections, filters and tokens, for every method that reads a list or follows one. */
export function queries(world: World): Target<Call> {
  const methods = world.services.flatMap(({ methods }) => methods);
  return callTarget(
    "queries",
    world,
    methods.filter(({ name }) => ["list", "watch", "search"].includes(name)),
  );
}

function callTarget(name: string, world: World, methods: readonly DescMethod[]): Target<Call> {
  const fresh = fc.oneof(...methods.map((method) => callOf(method, world)));
  const known = fc.constantFrom(...world.requests.map(requestCall));
  return {
    name,
    inputs: 50,
    arbitrary(reached) {
      const spoilt = (calls: fc.Arbitrary<Call>) =>
        fc.tuple(calls, edits).map(([call, changes]) => ({ ...call, body: edited(call.body, changes) }));
      if (reached.length === 0)
        return fc.oneof({ weight: 8, arbitrary: fresh }, { weight: 1, arbitrary: spoilt(known) });
      const again = spoilt(fc.constantFrom(...reached));
      return fc.oneof(
        { weight: 6, arbitrary: fresh },
        { weight: 1, arbitrary: spoilt(known) },
        { weight: 3, arbitrary: again },
      );
    },
    async send(call) {
      judge(call.path, await world.victim.caller.call(call));
    },
  };
}

function requestCall({ path, message }: World["requests"][number]): Call {
  return { path, contentType: GRPC.contentType, body: framed(message), streams: false };
}

function callOf(method: DescMethod, { vocabulary }: World): fc.Arbitrary<Call> {
  const unary = method.methodKind === "unary";
  const encode = encoderOf(method);
  return fc
    .record({
      message: messageOf(method.input, vocabulary),
      protocol: fc.constantFrom(...(unary ? UNARY : STREAM)),
      flags: fc.oneof(
        { weight: 12, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constantFrom(1, 2, 3, 0x80, 0xff) },
      ),
      headers: fc.option(fc.record(HEADERS, { requiredKeys: [] }), { nil: {}, freq: 1 }),
      changes: fc.option(edits, { nil: [], freq: 1 }),
    })
    .map(({ message, protocol, flags, headers, changes }) => {
      const bytes = edited(encode(message, protocol.json), changes);
      return {
        path: `/${method.parent.typeName}/${method.name}`,
        contentType: protocol.contentType,
        headers: headers as Record<string, string>,
        body: protocol.framed ? framed(bytes, flags) : bytes,
        streams: !unary,
      };
    });
}

/** What JSON can't say is sent in binary. */
function encoderOf({ input }: DescMethod): (message: Message, json: boolean) => Uint8Array {
  const registry = createRegistry(...files);
  return (message, json) => {
    try {
      if (json) return Buffer.from(toJsonString(input, message, { registry }));
    } catch {
      // an Any of an unknown type, or a time out of its range
    }
    return toBinary(input, message);
  };
}
