import { files } from "@stigmer/contracts/files";
import { describeKinds } from "./describe-kinds.ts";
import type { Kind } from "./kind.ts";

/** Every kind of the contract. The bundle holds what this evaluates to, and not the descriptors that it is made of. */
export const KINDS: readonly Kind[] = describeKinds(files);
