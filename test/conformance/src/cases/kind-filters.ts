import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { Case } from "../case.ts";
import { check, refused, same } from "../checks.ts";
import { isUsers, type Kind } from "../kinds.ts";
import { makeSome } from "../many.ts";
import { idOf, metadataOf, nameOf } from "../resource.ts";

const COMMON = ["metadata.name", "metadata.createTime", "metadata.updateTime", "metadata.createdBy"];

/** Filters by the fields that each kind declares. */
export function kindFilterCases(kind: Kind): readonly Case[] {
  const declared = [...COMMON, ...kind.options.filterFields];
  return [
    ...declared.map((path) => declaredCase(kind, path)),
    ...undeclared(kind).map((path) => undeclaredCase(kind, path)),
    ...(isUsers(kind) ? commonCases(kind) : []),
  ];
}

function declaredCase(kind: Kind, path: string): Case {
  return {
    name: `${kind.name}: a filter may use ${path}, and what it selects and its opposite are everything`,
    async run(context) {
      const filter = `${path} = ${valueFor(fieldAt(kind.schema, path))}`;
      if (isUsers(kind)) await makeSome(context, kind, 1);
      const labelSelector = isUsers(kind) ? context.own : "";

      const ids = async (text: string) =>
        (await context.kind(kind).list({ labelSelector, filter: text, pageSize: 1000 })).items.map(idOf);
      const [selected, others, all] = [await ids(filter), await ids(`NOT ${filter}`), await ids("")];

      if (isUsers(kind)) same([...selected, ...others].sort(), [...all].sort(), "ids");
      check(
        selected.every((id) => !others.includes(id)),
        "something is selected by a filter and by its opposite",
      );
    },
  };
}

function undeclaredCase(kind: Kind, path: string): Case {
  return {
    name: `${kind.name}: a filter by ${path}, which is not declared, is refused`,
    run: async (context) =>
      void (await refused(context.kind(kind).list({ filter: `${path} = "x"` }), "INVALID_REQUEST", "filter")),
  };
}

/** Fields that exist and are not declared, fields that do not exist, and what is no scalar. */
function undeclared({ options, spec }: Kind): readonly string[] {
  const ofSpec = spec.fields.map(({ jsonName }) => `spec.${jsonName}`);
  return [...ofSpec, "metadata.displayName", "metadata.labels", "spec", "noSuchField", "metadata.no.such"].filter(
    (path) => !options.filterFields.includes(path),
  );
}

function commonCases(kind: Kind): readonly Case[] {
  const { name } = kind;
  return [
    {
      name: `${name}: a filter by name finds the one that has it`,
      async run(context) {
        const [, wanted] = await makeSome(context, kind, 3);

        const { items } = await context.kind(kind).list({ filter: `metadata.name = "${nameOf(wanted)}"` });

        same(items.map(idOf), [idOf(wanted)], "ids");
      },
    },
    {
      name: `${name}: a filter by time tells what was made before from what was made after`,
      async run(context) {
        const made = await makeSome(context, kind, 2);
        const { createTime } = metadataOf(made[1]);
        const time = new Date(Number(createTime?.seconds) * 1000 + Number(createTime?.nanos) / 1e6).toISOString();
        const ids = async (filter: string) =>
          (await context.kind(kind).list({ labelSelector: context.own, filter })).items.map(idOf);

        check(
          (await ids(`metadata.createTime >= "${time}"`)).includes(idOf(made[1])),
          "it is not at or after its time",
        );
        same(await ids(`metadata.createTime < "2001-01-01T00:00:00Z"`), [], "ids before there was any");
        same(await ids(`metadata.createTime > "2001-01-01T00:00:00Z"`), made.map(idOf), "ids after 2001");
      },
    },
  ];
}

function fieldAt(schema: DescMessage, path: string): DescField {
  const [head = "", ...rest] = path.split(".");
  const field = schema.fields.find(({ jsonName }) => jsonName === head);
  if (!field) throw new Error(`${schema.typeName} has no field ${head}`);
  return rest.length > 0 && field.message ? fieldAt(field.message, rest.join(".")) : field;
}

function valueFor(field: DescField): string {
  if (field.fieldKind === "enum") return field.enum.values[1]?.name ?? "";
  if (field.fieldKind === "message") return '"2026-01-01T00:00:00Z"';
  if (field.fieldKind !== "scalar" || field.scalar === ScalarType.STRING) return '"x"';
  return field.scalar === ScalarType.BOOL ? "true" : "1";
}
