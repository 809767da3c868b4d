import { type DescExtension, type DescField, type DescFile, getOption, hasOption, toJson } from "@bufbuild/protobuf";
import { files } from "@stigmer/contracts/files";

type ScalarRules = {
  readonly minLen?: string;
  readonly maxLen?: string;
  readonly const?: string;
  readonly pattern?: string;
  readonly gte?: string | number;
  readonly lte?: string | number;
};

/** What protovalidate checks of a field, as the JSON of its rules; only what cases are made of. */
export type Rules = {
  readonly required?: boolean;
  readonly ignore?: string;
  readonly cel?: readonly unknown[];
  readonly string?: ScalarRules;
  readonly int32?: ScalarRules;
  readonly int64?: ScalarRules;
  readonly enum?: { readonly definedOnly?: boolean };
  readonly duration?: { readonly lte?: string };
  readonly repeated?: { readonly maxItems?: string; readonly items?: Rules };
  readonly map?: { readonly maxPairs?: string; readonly keys?: Rules; readonly values?: Rules };
};

const EXTENSION = findExtension();

/** The rules of a field; empty where there are none. */
export function rulesOf(field: DescField): Rules {
  if (!hasOption(field, EXTENSION) || !EXTENSION.message) return {};
  return toJson(EXTENSION.message, getOption(field, EXTENSION) as never) as Rules;
}

function findExtension(): DescExtension {
  const known = new Set<DescFile>();
  const visit = (file: DescFile): void => {
    if (known.has(file)) return;
    known.add(file);
    file.dependencies.forEach(visit);
  };
  files.forEach(visit);
  const extensions = [...known].flatMap((file) => file.extensions);
  const found = extensions.find(({ typeName }) => typeName === "buf.validate.field");
  if (!found) throw new Error("the contract does not use buf.validate");
  return found;
}
