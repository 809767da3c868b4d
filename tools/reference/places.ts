import type { DescEnum, DescMessage, DescService } from "@bufbuild/protobuf";
import { type Contract, type ContractKind, kebab } from "../contract.ts";
import { anchorOf } from "./markdown-text.ts";

export type DescType = DescMessage | DescEnum;

/** A page of the reference: where it is below `docs/reference`, and the types that it describes, in order. */
export type Page = { readonly path: string; readonly types: readonly DescType[] };

export type KindPage = Page & { readonly kind: ContractKind; readonly services: readonly DescService[] };
export type ServicePage = Page & { readonly service: DescService };

/** Which page describes what. Every message and enum of the contract is on exactly one. */
export interface Places {
  readonly kinds: readonly KindPage[];
  readonly services: readonly ServicePage[];
  /** What more than one page needs, or none. */
  readonly shared: Page;
  /** Link to a type from a page; undefined where the contract does not define the type. */
  link(typeName: string, from: Page): string | undefined;
}

export const ERRORS_PATH = "errors.md";
const REASONS = "ai.stigmer.commons.error.v1.ErrorReason";

/** Puts each type on the first page, kinds before services, that reaches it and is of its package; else on the shared one. */
export function placesOf(contract: Contract): Places {
  const claimed = new Set<string>([REASONS]);
  const claim = (roots: readonly DescType[], of: string): readonly DescType[] => {
    const found = reachable(roots).filter((type) => type.file.proto.package === of && !claimed.has(type.typeName));
    for (const { typeName } of found) claimed.add(typeName);
    return found;
  };
  const services = contract.files.flatMap((file) => file.services);
  const kinds = contract.kinds.map((kind) => kindPage(kind, services, claim));
  const ofKinds = new Set(kinds.flatMap((page) => page.services));
  const others = services
    .filter((service) => !ofKinds.has(service))
    .map((service) => ({
      path: `services/${kebab(service.name)}.md`,
      service,
      types: claim(typesOf(service), service.file.proto.package),
    }));
  const all = contract.files.flatMap((file) => [...file.messages, ...file.enums]).flatMap(withNested);
  const shared = { path: "types.md", types: all.filter(({ typeName }) => !claimed.has(typeName)) };
  return { kinds, services: others, shared, link: linker([...kinds, ...others, shared]) };
}

type Claim = (roots: readonly DescType[], of: string) => readonly DescType[];

function kindPage(kind: ContractKind, all: readonly DescService[], claim: Claim): KindPage {
  const { message, options } = kind;
  const names = [`${options.kind}CommandController`, `${options.kind}QueryController`];
  const services = all.filter(({ name, file }) => names.includes(name) && samePackage(file, message.file));
  const types = claim([message, ...services.flatMap(typesOf)], message.file.proto.package);
  return { path: `kinds/${kebab(options.kind)}.md`, kind, services, types };
}

function samePackage(one: DescMessage["file"], other: DescMessage["file"]): boolean {
  return one.proto.package === other.proto.package;
}

function typesOf({ methods }: DescService): readonly DescType[] {
  return methods.flatMap(({ input, output }) => [input, output]);
}

/** The types and what their fields hold, each once, in the order of reading. */
function reachable(roots: readonly DescType[]): readonly DescType[] {
  const found = new Map<string, DescType>();
  const visit = (type: DescType): void => {
    if (found.has(type.typeName)) return;
    found.set(type.typeName, type);
    if (type.kind === "enum") return;
    for (const { message, enum: values } of type.fields) {
      if (message) visit(message);
      if (values) visit(values);
    }
  };
  for (const root of roots) visit(root);
  return [...found.values()];
}

function withNested(type: DescType): readonly DescType[] {
  if (type.kind === "enum") return [type];
  const nested = type.nestedMessages.filter(({ proto }) => proto.options?.mapEntry !== true);
  return [type, ...[...nested, ...type.nestedEnums].flatMap(withNested)];
}

/** A type's name without its package: `ApplyResponse.Action`. */
function shortName({ typeName, file }: DescType): string {
  return typeName.slice(file.proto.package.length + 1);
}

/** The heading of a type on its page; the kind's own message is what the page is about. */
export function headingOf(type: DescType, { types }: Page): string {
  const short = shortName(type);
  return types.filter((other) => shortName(other) === short).length > 1 ? type.typeName : short;
}

function linker(pages: readonly Page[]): Places["link"] {
  const homes = new Map(pages.flatMap((page) => page.types.map((type) => [type.typeName, { page, type }] as const)));
  return (typeName, from) => {
    const up = from.path.includes("/") ? "../" : "";
    if (typeName === REASONS) return `[ErrorReason](${up}${ERRORS_PATH})`;
    const home = homes.get(typeName);
    if (home === undefined) return undefined;
    const anchor = `#${anchorOf(headingOf(home.type, home.page))}`;
    const path = home.page === from || home.page.path === from.path ? "" : `${up}${home.page.path}`;
    return `[${shortName(home.type)}](${path}${anchor})`;
  };
}
