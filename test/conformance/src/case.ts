import type { JsonObject, Message } from "@bufbuild/protobuf";
import type { Calls } from "./calls.ts";
import type { Claims } from "./claims.ts";
import type { Combination } from "./combinations.ts";
import type { KindClient } from "./kind-client.ts";
import type { Kind, Kinds } from "./kinds.ts";
import type { Need } from "./needs.ts";
import type { Resource } from "./resource.ts";

/** One thing that every backend must do. The body throws where the backend does something else. */
export type Case = {
  readonly name: string;
  /** Full name of a service without which there is nothing to check. */
  readonly feature?: string;
  readonly needs?: readonly Need[];
  /** Whether it says the same of the backend over each combination, so that a third of them is enough. */
  readonly spread?: boolean;
  /** Whether it may leave its connection unfit for others, and so has one of its own. */
  readonly breaksConnection?: boolean;
  readonly run: (context: Context) => Promise<void>;
};

/** What a case works with. What it makes through it is removed after it. */
export interface Context extends Calls {
  readonly combination: Combination;
  readonly claims: Claims;
  readonly kinds: Kinds;
  /** Label selector of what this case makes, and of nothing else. */
  readonly own: string;
  /** A name that nobody else uses. */
  unique(): string;
  kind(kind: Kind | string): KindClient;
  /** The kind's example with a name of its own, the label of this case, and what it refers to in place. */
  sample(kind: Kind | string, change?: JsonObject): Promise<Resource>;
  /** What `make` makes, once for all cases of the run, and the label selector of it; removed after the run. */
  shared(key: string, make: (context: Context) => Promise<readonly Resource[]>): Promise<Shared>;
  /** The resource is removed after the case. */
  made(kind: Kind, resource: Message): void;
  /** Asks over plain HTTP/1.1, where the backend is on the loopback. */
  http(request: HttpRequest): Promise<HttpAnswer>;
}

export type Shared = { readonly own: string; readonly made: readonly Resource[] };

export type HttpRequest = {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

export type HttpAnswer = { readonly status: number; readonly headers: Headers; readonly body: Buffer };
