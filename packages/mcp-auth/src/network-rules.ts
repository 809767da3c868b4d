import { BlockList, isIP } from "node:net";
import { failed } from "./oauth-faults.ts";

const LOOPBACK_V4 = ["127.0.0.0", 8] as const;
const PRIVATE_V4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const;
const PRIVATE_V6 = [
  ["::", 128],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const;

const loopback = new BlockList();
loopback.addSubnet(...LOOPBACK_V4, "ipv4");
loopback.addAddress("::1", "ipv6");
const reserved = new BlockList();
for (const [net, prefix] of PRIVATE_V4) reserved.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of PRIVATE_V6) reserved.addSubnet(net, prefix, "ipv6");

/** Whether an address is not one of the public network: the machine's own, a private network's, or none that anybody serves. */
export function isPrivate(address: string): boolean {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  return loopback.check(address, family) || reserved.check(address, family);
}

/** The host of a URL, as addresses are written: without brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

/** Whether a host is on a private network by its very name, whatever a resolver says. */
export function isPrivateName(host: string): boolean {
  return host === "localhost" || (isIP(host) !== 0 && isPrivate(host));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || (isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? "ipv6" : "ipv4"));
}

/** Refuses what is neither `https` nor `http` to a loopback host, and what carries a password. */
export function checkEndpoint(url: URL): void {
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(hostOf(url)));
  if (!isSafe) throw failed(`${url.protocol}//${url.host} is not reached by https`);
  if (url.username || url.password) throw failed(`the URL of ${url.host} carries a user's name or password`);
}
