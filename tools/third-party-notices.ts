import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listFiles } from "./list-files.ts";

/** Licences that ask for no more than to be named and printed. Another one needs somebody's decision. */
const ALLOWED = new Set(["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"]);
const RULE = `\n${"-".repeat(100)}\n\n`;

type BundledPackage = { readonly dir: string; readonly files: readonly string[] };

type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
};

/**
 * The notices that must go with a bundle: for each npm package in it the licence files that it ships and the copyright
 * lines above its sources. Fails on a licence that is not known to allow this, and where there is no text to print.
 */
export async function thirdPartyNotices(root: string, inputs: readonly string[]): Promise<string> {
  const packages = bundledPackages(inputs);
  const notices = await Promise.all(packages.map((bundled) => noticeOf(root, bundled)));
  const apache = `The Apache License, Version 2.0\n\n${await readFile(join(root, "LICENSE"), "utf8")}`;
  const head = "Stigmer holds the following works of others.\n";
  return [head, ...[...new Set(notices)].sort(), apache].map((text) => `${text.trim()}\n`).join(RULE);
}

function bundledPackages(inputs: readonly string[]): readonly BundledPackage[] {
  const dirOf = (file: string): string => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? "";
  const byDir = Map.groupBy(new Set(inputs), dirOf);
  byDir.delete("");
  return Array.from(byDir, ([dir, files]) => ({ dir, files }));
}

async function noticeOf(root: string, { dir, files }: BundledPackage): Promise<string> {
  const manifest: Manifest = JSON.parse(await readFile(join(root, dir, "package.json"), "utf8"));
  const { name, version, license = "" } = manifest;
  const ids = (license.match(/[\w.-]+/g) ?? []).filter((word) => !/^(?:AND|OR|WITH)$/.test(word));
  const unknown = ids.find((id) => !ALLOWED.has(id));
  if (ids.length === 0 || unknown !== undefined) throw new Error(`${name}: its licence is "${license}"`);
  const [shipped, headers] = await Promise.all([licenceFiles(join(root, dir)), copyrightHeaders(root, files)]);
  const texts = shipped.length > 0 ? shipped : ids.map((id) => standardText(id, { manifest, headers }));
  return [`${name} ${version}, ${license}`, ...texts, ...headers].map((text) => text.trim()).join("\n\n");
}

/** Also those of what a package brings inside, such as the C++ below `deps/`. */
async function licenceFiles(dir: string): Promise<readonly string[]> {
  const files = await listFiles(dir, ["**/*"]);
  const named = files.filter((file) => /(?:^|\/)(?:licen[cs]e|copying|notice)[^/]*$/i.test(file));
  return Promise.all(
    named.filter((file) => !/\.[cm]?[jt]s$/.test(file)).map((file) => readFile(join(dir, file), "utf8")),
  );
}

async function copyrightHeaders(root: string, files: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), "utf8")));
  const headers = texts.map((text) => /^(?:"use strict";\s*)?((?:\/\/.*\n)+|\/\*[\s\S]*?\*\/)/.exec(text)?.[1] ?? "");
  const plain = headers.filter((header) => /copyright/i.test(header)).map(withoutMarks);
  return [...new Set(plain)];
}

function withoutMarks(comment: string): string {
  return comment.replaceAll(/^ *(?:\/\*+|\*+\/|\/\/|\*) ?|\*\/$/gm, "").trim();
}

/** What stands in for a licence file that a package does not ship. */
function standardText(
  id: string,
  { manifest, headers }: { readonly manifest: Manifest; readonly headers: readonly string[] },
): string {
  const author = typeof manifest.author === "object" ? manifest.author.name : manifest.author;
  if (id === "Apache-2.0") return "Licensed under the Apache License, Version 2.0, which stands at the end.";
  if (id === "MIT" && author !== undefined) return `Copyright (c) ${author}\n\n${MIT}`;
  if (id.startsWith("BSD") && headers.some((header) => header.startsWith("Copyright"))) return "Its text follows.";
  throw new Error(`${manifest.name}: ships no text of its licence, ${id}`);
}

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
