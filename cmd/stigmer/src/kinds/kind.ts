/** A resource kind, as its descriptors tell: plain data, so that a command knows kinds without loading the contract. */
export type Kind = {
  /** As manifests say it: `Agent`. */
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** What its ids begin with, without the underscore. */
  readonly idPrefix: string;
  readonly managed: Managed;
  /** As manifests say it: `agentic.stigmer.ai/v1`. */
  readonly apiVersion: string;
  /** Full name of the resource's message. */
  readonly typeName: string;
  readonly revisions: boolean;
  /** Paths that a filter may use, beside those that every kind has. */
  readonly filterFields: readonly string[];
  readonly columns: readonly Column[];
  /** The methods that serve the generic verbs; a kind has those that it can have. */
  readonly verbs: Readonly<Partial<Record<Verb, Method>>>;
};

export type Managed = "USER" | "START_ONLY" | "SYSTEM";

export type Verb =
  | "CREATE"
  | "UPDATE"
  | "DELETE"
  | "UNDELETE"
  | "PURGE"
  | "TAG"
  | "GET"
  | "GET_BY_REFERENCE"
  | "LIST"
  | "WATCH";

/** A method as it is called over the wire. */
export type Method = {
  /** `/<service>/<method>`. */
  readonly path: string;
  /** Whether it changes something. */
  readonly write: boolean;
  /** What a request may hold, by JSON names. */
  readonly fields: readonly string[];
};

/** A column of a kind's table. */
export type Column = {
  readonly name: string;
  /** JSON names from the resource to the value. */
  readonly path: readonly string[];
  /** What the names of an enum's values begin with, and tables leave out; empty for other types. */
  readonly prefix: string;
  readonly isTime: boolean;
};
