/** What tells one kind that users make from another, in the files that are the same for all of them. */
export type KindShape = {
  readonly group: string;
  /** As files are named: `tool-box`. */
  readonly name: string;
  /** As manifests say it: `ToolBox`. */
  readonly kind: string;
  /** As requests for several say it: `ToolBoxes`. */
  readonly kinds: string;
  /** As packages and permissions say it: `toolbox`. */
  readonly folder: string;
  /** In prose: `tool box`, `a tool box`, `tool boxes`. */
  readonly noun: string;
  readonly aNoun: string;
  readonly nouns: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly idPrefix: string;
  /** What the kind is, as one sentence. */
  readonly comment: string;
  readonly columns: readonly { readonly name: string; readonly path: string }[];
  readonly filterFields: readonly string[];
  readonly revisions: boolean;
};

/** The Protobuf package of the kind, and where its files lie below `apis/`. */
export function packageOf({ group, folder }: KindShape): { readonly name: string; readonly path: string } {
  return { name: `ai.stigmer.${group}.${folder}.v1`, path: `ai/stigmer/${group}/${folder}/v1` };
}
