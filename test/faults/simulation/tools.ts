import { Failure, type ToolAnswer, type ToolHost, type ToolInvocation, type ToolListing } from "@stigmer/sdk";
import type { Random } from "./random.ts";
import type { Trace } from "./trace.ts";
import type { SimProcess, VirtualTime } from "./virtual-time.ts";

/** What a tool promises of its effects. */
export type Promised = "read-only" | "idempotent" | "additive" | "destructive";

export const TOOLS: readonly { readonly tool: string; readonly promised: Promised }[] = [
  { tool: "look", promised: "read-only" },
  { tool: "put", promised: "idempotent" },
  { tool: "add", promised: "additive" },
  { tool: "wipe", promised: "destructive" },
];

const ANNOTATIONS: Readonly<Record<Promised, object | undefined>> = {
  "read-only": { readOnlyHint: true },
  idempotent: { destructiveHint: false, idempotentHint: true },
  additive: { destructiveHint: false },
  destructive: undefined,
};

/** Effects of one call, as the world beyond the tools sees them. */
export type Effects = {
  readonly tool: string;
  readonly nonce: string;
  readonly idempotencyKey: string;
  count: number;
};

/** The world that tools change. */
export interface ToolWorld {
  readonly effects: ReadonlyMap<string, Effects>;
  /** The tools as a runner's process hosts them. */
  hostIn(process: SimProcess): ToolHost;
}

export type ToolWorldDeps = {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly trace: Trace;
  /** Told of each call before it can have an effect. */
  readonly asked: (call: { readonly tool: string; readonly nonce: string; readonly idempotencyKey: string }) => void;
};

export function createToolWorld(deps: ToolWorldDeps): ToolWorld {
  const effects = new Map<string, Effects>();
  const outside = deps.time.current();
  const happen = (tool: string, nonce: string, idempotencyKey: string): void => {
    const known = effects.get(idempotencyKey) ?? { tool, nonce, idempotencyKey, count: 0 };
    known.count++;
    effects.set(idempotencyKey, known);
    deps.trace.note(`effect ${known.count} of ${tool} ${idempotencyKey}`);
  };
  return {
    effects,
    hostIn: (process) => ({
      start: async () => {
        await pause(deps.random.between(1, 400));
        return TOOLS.map(listing);
      },
      call: (_server, invocation) => callTool(deps, { process, outside, happen, invocation }),
      stop: async () => {},
      close: async () => {},
    }),
  };
}

function listing({ tool, promised }: (typeof TOOLS)[number]): ToolListing {
  const annotations = ANNOTATIONS[promised];
  const inputSchema = '{"type":"object","properties":{"nonce":{"type":"string"}},"required":["nonce"]}';
  return { tool, description: tool, inputSchema, annotations: annotations ? JSON.stringify(annotations) : "" };
}

type Calling = {
  readonly process: SimProcess;
  readonly outside: SimProcess;
  readonly happen: (tool: string, nonce: string, idempotencyKey: string) => void;
  readonly invocation: ToolInvocation;
};

/** A call takes a while, its effect is somewhere within, and half of the tools live on another machine than the runner. */
async function callTool({ time, random, asked }: ToolWorldDeps, of: Calling): Promise<ToolAnswer> {
  const { tool, idempotencyKey, arguments: args } = of.invocation;
  const { nonce } = JSON.parse(args) as { readonly nonce: string };
  if (random.chance(0.03)) throw new Failure("TOOL_SERVER_FAILED", "no such process", { notStarted: true });
  asked({ tool, nonce, idempotencyKey });
  const where = random.chance(0.5) ? of.process : of.outside;
  const takesMs = random.chance(0.3) ? random.between(1_000, 12_000) : random.between(5, 600);
  const before = random.next() * takesMs;
  time.after(where, before, () => of.happen(tool, nonce, idempotencyKey));
  await pause(takesMs);
  if (random.chance(0.04)) throw new Failure("TOOL_SERVER_FAILED", "the server went away");
  return { content: `${tool} ${nonce}`, isError: random.chance(0.05) };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
