import type { Paint } from "../output/paint.ts";
import type { Marks } from "./inline.ts";

/** How Markdown is laid out: columns of a line, colours, and whether marks stay. */
export type Layout = Marks & { readonly width: number; readonly paint: Paint };
