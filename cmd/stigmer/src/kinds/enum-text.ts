type EnumShape = {
  readonly sharedPrefix?: string | undefined;
  readonly value: Readonly<Record<number, { readonly name: string }>>;
};

/** The value's name without what all names of the enum begin with; the zero says nothing. */
export function enumText(desc: EnumShape, number: number): string {
  if (number === 0) return "";
  const name = desc.value[number]?.name ?? String(number);
  return name.slice(desc.sharedPrefix?.length ?? 0);
}
