import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { eventually } from "@stigmer/e2e/harness";
import { findProgram, freePort, startForeign } from "../harness/programs.ts";
import { temporaryHome } from "../harness/temporary-home.ts";

export const ETCD = "etcd 3.4";
export const ETCD_MISSING = "not on this machine: apt-get install etcd-server";
export const ETCD_PUT = "/etcdserverpb.KV/Put";
export const ETCD_RANGE = "/etcdserverpb.KV/Range";
export const ETCD_WATCH = "/etcdserverpb.Watch/Watch";

/** Starts etcd on a folder and ports of its own; undefined where it is not on the machine, which in CI is an error. */
export async function startEtcd(resources: AsyncDisposableStack): Promise<string | undefined> {
  const path = findProgram("etcd", ETCD_MISSING);
  if (!path) return undefined;
  const dir = temporaryHome(resources);
  const [port, peerPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  resources.use(startForeign(path, argumentsOf(dir, url, `http://127.0.0.1:${peerPort}`)));
  await eventually(() => isHealthy(url), "etcd to serve");
  return url;
}

export function encodePut(key: string, value: string): Uint8Array {
  return new BinaryWriter().uint32(10).string(key).uint32(18).string(value).finish();
}

/** Asks for at most `limit` keys that begin with the prefix. */
export function encodeRange(prefix: string, limit: number): Uint8Array {
  const writer = new BinaryWriter().uint32(10).string(prefix).uint32(18).string(endOf(prefix));
  return writer.uint32(24).int64(limit).finish();
}

/** Asks for the changes of all keys that begin with the prefix. */
export function encodeWatch(prefix: string): Uint8Array {
  const create = new BinaryWriter().uint32(10).string(prefix).uint32(18).string(endOf(prefix)).finish();
  return new BinaryWriter().uint32(10).bytes(create).finish();
}

function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function argumentsOf(dir: string, url: string, peerUrl: string): string[] {
  const settings = {
    "data-dir": dir,
    "listen-client-urls": url,
    "advertise-client-urls": url,
    "listen-peer-urls": peerUrl,
    "initial-advertise-peer-urls": peerUrl,
    "initial-cluster": `default=${peerUrl}`,
  };
  return Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
}

async function isHealthy(url: string): Promise<true | undefined> {
  const answer = await fetch(`${url}/health`).catch(() => undefined);
  return answer?.ok ? true : undefined;
}
