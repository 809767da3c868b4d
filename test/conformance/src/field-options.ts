import { type DescField, getOption } from "@bufbuild/protobuf";
import { type FieldOptions, field as fieldOption } from "@stigmer/contracts/commons";

/** What the contract says of a field. */
export function fieldOptionsOf(field: DescField): FieldOptions {
  return getOption(field, fieldOption);
}
