import { createHash } from "node:crypto";
import { clone, create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { type Skill, SkillCommandController, SkillQueryController, SkillSchema } from "@stigmer/contracts/agentic";
import { ApiResourceQueryController } from "@stigmer/contracts/commons";
import { BlobCommandController, BlobQueryController } from "@stigmer/contracts/platform";
import { refusal } from "../backend.fake.ts";

/** Skills and blobs of a backend that believes everything. */
export type SkillBackend = {
  readonly blobs: Map<string, Buffer>;
  readonly skills: Map<string, Skill>;
  /** Tags, as `name@tag`, and the revisions that they name. */
  readonly tags: Map<string, string>;
  /** How many bytes were sent. */
  sent: number;
  readonly routes: (router: ConnectRouter) => void;
};

export function createSkillBackend(): SkillBackend {
  const backend: SkillBackend = {
    ...{ blobs: new Map(), skills: new Map(), tags: new Map(), sent: 0 },
    routes(router) {
      serveBlobs(router, backend);
      serveSkills(router, backend);
    },
  };
  return backend;
}

export function serveBlobs(router: ConnectRouter, backend: Pick<SkillBackend, "blobs" | "sent">): void {
  const { blobs } = backend;
  router.service(BlobCommandController, {
    append({ digest, size, offset, data }) {
      const before = blobs.get(digest) ?? Buffer.alloc(0);
      if (Number(offset) !== before.length) return { offset: BigInt(before.length), complete: false };
      const after = Buffer.concat([before, data]);
      backend.sent += data.length;
      const complete = after.length === Number(size);
      if (complete && digestOf(after) !== digest) throw refusal(Code.InvalidArgument, "BLOB_DIGEST_MISMATCH");
      blobs.set(digest, after);
      return { offset: BigInt(after.length), complete };
    },
  });
  router.service(BlobQueryController, {
    stat: ({ digests }) => ({ blobs: digests.map((digest) => ({ digest, complete: blobs.has(digest) })) }),
    async *read({ digest }) {
      const data = blobs.get(digest);
      if (!data) throw refusal(Code.FailedPrecondition, "BLOB_INCOMPLETE");
      yield { offset: 0n, data: new Uint8Array(data), size: BigInt(data.length) };
    },
  });
}

function serveSkills(router: ConnectRouter, backend: SkillBackend): void {
  const { skills, tags } = backend;
  const put = (skill: Skill, version: string): Skill => {
    const next = clone(SkillSchema, skill);
    const name = next.metadata?.name ?? "";
    const revision = `sha256:${createHash("sha256")
      .update(JSON.stringify(next.spec?.files.map(({ path, digest }) => [path, digest])))
      .digest("hex")}`;
    Object.assign(next.metadata ?? {}, { id: `skl_${name}`, resourceVersion: version });
    next.status = create(SkillSchema, { status: { revision } }).status;
    skills.set(name, next);
    return next;
  };
  const find = (name: string): Skill => {
    const skill = skills.get(name);
    if (skill) return skill;
    throw refusal(Code.NotFound, "RESOURCE_NOT_FOUND", {
      message: `skill "${name}" not found`,
      metadata: { kind: "Skill" },
    });
  };
  router.service(SkillQueryController, {
    getByReference: ({ name }) => find(name),
    list: () => ({ items: [...skills.values()] }),
  });
  router.service(SkillCommandController, {
    create: (skill) => put(skill, "1"),
    update(skill) {
      const before = find(skill.metadata?.name ?? "");
      if (skill.metadata?.resourceVersion !== before.metadata?.resourceVersion)
        throw new ConnectError("moved", Code.Aborted);
      return put(skill, String(Number(before.metadata?.resourceVersion) + 1));
    },
    tag({ id, tag, revision }) {
      tags.set(`${id.slice("skl_".length)}@${tag}`, revision);
      return find(id.slice("skl_".length));
    },
  });
  router.service(ApiResourceQueryController, {});
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
