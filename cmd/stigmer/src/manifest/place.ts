/** Where something stands in what the user wrote; lines and columns count from 1. */
export type Place = { readonly file: string; readonly line: number; readonly column: number };

/** Something wrong with a manifest. */
export type Problem = {
  readonly place: Place;
  /** Path of the field, as `spec.mcpServers[0].name`; empty where it is about no field. */
  readonly path: string;
  readonly message: string;
};

/** `agent.yaml:5:3: spec.instuctions: unknown field; did you mean instructions?` */
export function formatProblem({ place, path, message }: Problem): string {
  return `${formatPlace(place)}: ${path ? `${path}: ` : ""}${message}`;
}

export function formatPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Path of a field below another; a key that is no plain word stands in brackets. */
export function below(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

/** The place of a field, or of the nearest one around it that the user wrote. */
export function placeOfPath(places: ReadonlyMap<string, Place>, path: string): Place | undefined {
  for (let at = path; at; at = parentOf(at)) {
    const place = places.get(at);
    if (place) return place;
  }
  return places.get("");
}

function parentOf(path: string): string {
  const bracket = /^(.*)\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/s.exec(path);
  if (bracket) return bracket[1] ?? "";
  return path.slice(0, Math.max(0, path.lastIndexOf(".")));
}
