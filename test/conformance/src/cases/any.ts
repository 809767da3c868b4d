import { create } from "@bufbuild/protobuf";
import { AnySchema, anyPack, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { ApiResourceCommandController } from "@stigmer/contracts/commons";
import { ErrorInfoSchema } from "@stigmer/contracts/rpc";
import { applyAny } from "../applying.ts";
import type { Case } from "../case.ts";
import { refused } from "../checks.ts";
import { isUsers, type Kind } from "../kinds.ts";

const feature = ApiResourceCommandController.typeName;
const GARBAGE = new Uint8Array([0x0a, 0x7f, 0x00]);

/** What `apply` refuses before it looks into a resource. */
export function anyCases(kinds: readonly Kind[]): readonly Case[] {
  return [
    {
      name: "apply without a resource is refused",
      feature,
      run: async (context) => void (await refused(applyAny(context, undefined), "INVALID_REQUEST", "resource")),
    },
    {
      name: "apply of a message that is no kind's is refused",
      feature,
      needs: ["binary"],
      async run(context) {
        await refused(applyAny(context, anyPack(ErrorInfoSchema, create(ErrorInfoSchema))), "KIND_UNKNOWN");
        await refused(applyAny(context, anyPack(StringValueSchema, create(StringValueSchema))), "KIND_UNKNOWN");
      },
    },
    ...[
      "type.googleapis.com/ai.stigmer.none.v1.None",
      "type.googleapis.com/",
      "no-slash",
      "/ai.stigmer.agentic.agent.v1.Agent.",
      "type.googleapis.com/\u0430i.stigmer.agentic.agent.v1.Agent",
      "x".repeat(100_000),
    ].map(
      (typeUrl, at): Case => ({
        name: `apply of the unknown type ${typeUrl.slice(0, 50)} is refused (${at + 1})`,
        feature,
        needs: ["binary"],
        run: async (context) =>
          void (await refused(applyAny(context, create(AnySchema, { typeUrl })), "KIND_UNKNOWN", "resource")),
      }),
    ),
    ...kinds.filter((kind) => !isUsers(kind)).map(notUsers),
    ...kinds.filter(isUsers).flatMap((kind) => [garbage(kind), empty(kind)]),
  ];
}

function notUsers(kind: Kind): Case {
  return {
    name: `${kind.name}: apply refuses what users do not make`,
    feature,
    run: async (context) =>
      void (await refused(applyAny(context, anyPack(kind.schema, create(kind.schema))), "KIND_UNKNOWN", "resource")),
  };
}

function garbage(kind: Kind): Case {
  return {
    name: `${kind.name}: apply refuses bytes that are no message of the kind`,
    feature,
    needs: ["binary"],
    run: async (context) =>
      void (await refused(
        applyAny(
          context,
          create(AnySchema, { typeUrl: `type.googleapis.com/${kind.schema.typeName}`, value: GARBAGE }),
        ),
        "INVALID_REQUEST",
        "resource",
      )),
  };
}

function empty(kind: Kind): Case {
  return {
    name: `${kind.name}: apply refuses a resource without anything`,
    feature,
    run: async (context) =>
      void (await refused(applyAny(context, anyPack(kind.schema, create(kind.schema))), "INVALID_REQUEST", "metadata")),
  };
}
