import { Agent } from "node:http";
import { createRegistry } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { files } from "@stigmer/contracts/files";
import type { Need } from "./needs.ts";
import { plainJsonTransport } from "./plain-json.ts";

/** A way to speak with a backend. */
export type Combination = {
  /** As it stands in the names of cases: `grpc proto h2`. */
  readonly name: string;
  readonly offers: readonly Need[];
  /** A transport with a connection of its own. */
  readonly connect: () => { readonly transport: Transport; readonly close: () => void };
};

type Protocol = "grpc" | "grpc-web" | "connect";
type Way = { readonly protocol: Protocol; readonly encoding: "proto" | "json"; readonly http: "1.1" | "2" };

/** The messages that may stand packed in another one. */
export const registry = createRegistry(...files);

/** What no conforming answer exceeds here; a bound for broken backends. */
const READ_MAX_BYTES = 64 * 1024 * 1024;

/** Connections are closed here before a backend does, so that no call meets one that is just being closed. */
const IDLE_MS = 1_000;

const WAYS: readonly Way[] = [
  { protocol: "grpc", encoding: "proto", http: "2" },
  { protocol: "grpc", encoding: "json", http: "2" },
  { protocol: "grpc-web", encoding: "proto", http: "1.1" },
  { protocol: "grpc-web", encoding: "proto", http: "2" },
  { protocol: "connect", encoding: "proto", http: "1.1" },
  { protocol: "connect", encoding: "proto", http: "2" },
  { protocol: "connect", encoding: "json", http: "1.1" },
  { protocol: "connect", encoding: "json", http: "2" },
];

/** Every combination of protocol, encoding and HTTP version that a backend serves at a URL. */
export function combinationsAt(url: string): readonly Combination[] {
  const loopback: readonly Need[] = isLoopback(url) ? ["loopback"] : [];
  const plain: Combination = {
    name: "plain json h1",
    offers: ["json", "plain", ...loopback],
    connect: () => ({ transport: plainJsonTransport(url, registry), close: () => {} }),
  };
  return [...WAYS.map((way) => combinationOf(url, way, loopback)), plain];
}

function combinationOf(url: string, way: Way, loopback: readonly Need[]): Combination {
  const encoding: Need = way.encoding === "json" ? "json" : "binary";
  return {
    name: `${way.protocol} ${way.encoding} h${way.http[0]}`,
    offers: ["stream", encoding, ...(way.http === "2" ? (["bidi"] as const) : []), ...loopback],
    connect: () => connect(url, way),
  };
}

function connect(url: string, way: Way): ReturnType<Combination["connect"]> {
  const make = { grpc: createGrpcTransport, "grpc-web": createGrpcWebTransport, connect: createConnectTransport };
  const common = {
    baseUrl: url,
    useBinaryFormat: way.encoding === "proto",
    jsonOptions: { registry },
    readMaxBytes: READ_MAX_BYTES,
  };
  if (way.http === "1.1") {
    if (way.protocol === "grpc") throw new Error("gRPC needs HTTP/2");
    const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
    const transport = make[way.protocol]({ ...common, httpVersion: "1.1", nodeOptions: { agent } });
    return { transport, close: () => agent.destroy() };
  }
  const sessionManager = new Http2SessionManager(url);
  const transport = make[way.protocol]({ ...common, httpVersion: "2", sessionManager });
  return { transport, close: () => sessionManager.abort() };
}

/** Over a transport that somebody else made, such as a router in memory. */
export function combinationOver(transport: Transport, name = "memory"): Combination {
  return { name, offers: ["stream", "bidi"], connect: () => ({ transport, close: () => {} }) };
}

function isLoopback(url: string): boolean {
  const { hostname, protocol } = new URL(url);
  return protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
