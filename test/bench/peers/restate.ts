import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { eventually } from "@stigmer/e2e/harness";
import { type ForeignProgram, freePort, type Program, startForeign, startProgram } from "../harness/programs.ts";
import { temporaryHome } from "../harness/temporary-home.ts";

export const RESTATE = "restate 1.7";

/** A Restate server and a process with its service, each of which can be killed and started again where it was. */
export interface Restate {
  /** Where clients call. */
  readonly url: string;
  /** The process with the service. */
  readonly service: Program;
  /** Ends an invocation at once. */
  cancel(invocation: string): Promise<void>;
  killServer(): Promise<void>;
  startServer(): void;
  killService(): Promise<void>;
  startService(): Promise<void>;
}

/**
 * Starts Restate as it comes, on a folder and ports of its own: one node, its log synced before it acknowledges. Only its
 * telemetry is off, and it listens on the loopback.
 */
export async function startRestate(resources: AsyncDisposableStack): Promise<Restate> {
  const ports = { node: await freePort(), ingress: await freePort(), admin: await freePort() };
  const servicePort = await freePort();
  const dir = temporaryHome(resources);
  const launch = (): ForeignProgram =>
    startForeign(serverProgram(), ["--no-logo", "--base-dir", dir, "--node-name", "bench"], {
      cwd: dir,
      env: { ...process.env, ...settings(ports) },
    });
  let server = launch();
  let service = startProgram("peers/restate-service.ts");
  resources.defer(() => server[Symbol.asyncDispose]());
  resources.defer(() => service[Symbol.asyncDispose]());
  await service.ask({ listen: servicePort });
  const admin = `http://127.0.0.1:${ports.admin}`;
  await register(admin, `http://127.0.0.1:${servicePort}`);
  return {
    url: `http://127.0.0.1:${ports.ingress}`,
    get service() {
      return service;
    },
    async cancel(invocation) {
      const answer = await fetch(`${admin}/invocations/${invocation}/kill`, { method: "PATCH" });
      if (!answer.ok) throw new Error(`Restate answered ${answer.status}: ${await answer.text()}`);
    },
    killServer: () => server.kill(),
    startServer: () => {
      server = launch();
    },
    killService: () => service.kill(),
    async startService() {
      service = startProgram("peers/restate-service.ts");
      await service.ask({ listen: servicePort });
    },
  };
}

/** The package's own launcher only starts this program and passes signals on; started at once, it can be killed. */
function serverProgram(): string {
  const launcher = import.meta.resolve("@restatedev/restate-server/lib/index.js");
  return createRequire(launcher).resolve(`@restatedev/restate-server-${platform()}-${arch()}/bin/restate-server`);
}

type Ports = { readonly node: number; readonly ingress: number; readonly admin: number };

function settings({ node, ingress, admin }: Ports): Readonly<Record<string, string>> {
  return {
    RESTATE_LISTEN_MODE: "tcp",
    RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
    RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}/`,
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
    RESTATE_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "1",
  };
}

async function register(admin: string, uri: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ uri, force: true });
  const registered = async (): Promise<true | undefined> => {
    const answer = await fetch(`${admin}/deployments`, { method: "POST", headers, body }).catch(() => undefined);
    return answer?.ok ? true : undefined;
  };
  await eventually(registered, "Restate to know its service", 60_000);
}
