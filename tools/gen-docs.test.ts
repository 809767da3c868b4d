import { cp, mkdtempDisposable, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readContract } from "./contract.ts";
import { checkReference } from "./gen-docs.ts";
import { listFiles } from "./list-files.ts";
import { anchorsOf } from "./markdown.ts";
import { reasonsOf, reasonText } from "./reference/errors-page.ts";
import { prose, table } from "./reference/markdown-text.ts";
import { referencePages } from "./reference/reference-pages.ts";

const ROOT = join(import.meta.dirname, "..");

describe("the reference", () => {
  it("has a page for each kind and for each service that is no kind's, and describes each type once", async () => {
    const pages = await referencePages(ROOT);

    expect([...pages.keys()]).toEqual(
      expect.arrayContaining([
        "README.md",
        "errors.md",
        "types.md",
        "kinds/agent.md",
        "kinds/mcp-server.md",
        "services/model-controller.md",
        "services/runner-controller.md",
      ]),
    );
    const headings = [...pages.values()].flatMap((text) => text.match(/^### .*/gm) ?? []);
    expect(new Set(headings).size).toBe(headings.length);
  });

  it("says of a field what it takes, which rules it has and what the options say", async () => {
    const pages = await referencePages(ROOT);

    const agent = pages.get("kinds/agent.md");
    expect(agent).toMatch(
      /^\| `mcpServers` \| list of \[McpServerUsage\]\(#mcpserverusage\) \|.*merges items by `name`; at most 64 items; must name each server once \|$/m,
    );
    expect(agent).toMatch(/^\| `maxTurns` \| integer \|.*\| 0 to 1,000 \|$/m);
    expect(pages.get("kinds/session.md")).toMatch(
      /^\| `agent` \|.*cannot be changed; refers to a resource of kind `Agent`/m,
    );
    expect(pages.get("kinds/mcp-server.md")).toMatch(/^\| `stdio` \|.*exactly one of the 2 of `transport` \|$/m);
    expect(pages.get("types.md")).toMatch(/^\| `createTime` \| time \|.*\| output only \|$/m);
  });

  it("links to anchors that are there", async () => {
    const pages = await referencePages(ROOT);

    expect(anchorsOf(pages.get("errors.md") ?? "")).toContain("resource_not_found");
    expect(anchorsOf(pages.get("services/api-resource-command-controller.md") ?? "")).toContain("applyresponseaction");
  });
});

describe("the check of the reference", () => {
  it("names the page that is old, the one that is missing and the one that nobody needs", async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "reference-"));
    for (const part of ["apis", ".gen/protos", "buf.yaml", "examples", "docs/reference"])
      await cp(join(ROOT, part), join(folder.path, part), { recursive: true });
    const pageOf = (path: string): string => join(folder.path, "docs/reference", path);
    await writeFile(pageOf("errors.md"), "# Errors\n");
    await rm(pageOf("kinds/agent.md"));
    await writeFile(pageOf("kinds/unicorn.md"), "# Unicorn\n");

    const { findings } = await checkReference(folder.path);

    expect(findings).toEqual(
      expect.arrayContaining([
        "docs/reference/errors.md: is not up to date; make gen-docs",
        "docs/reference/kinds/agent.md: is missing; make gen-docs",
        "docs/reference/kinds/unicorn.md: describes nothing; make gen-docs",
      ]),
    );
  });

  it.each([
    [
      "a rule without words",
      "string description = 2 [(buf.validate.field).string.max_len = 1024]",
      "string description = 2 [(buf.validate.field).string.len_bytes = 3]",
      "no words for the rule lenBytes",
    ],
    [
      "a kind of users' without an example",
      "",
      "",
      "the kind Agent has no example: write examples/resources/agent.yaml",
    ],
  ])("stops at %s", async (_, before, after, message) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "reference-"));
    for (const part of ["apis", ".gen/protos", "buf.yaml", "examples"])
      await cp(join(ROOT, part), join(folder.path, part), { recursive: true });
    const spec = join(folder.path, "apis/ai/stigmer/agentic/agent/v1/spec.proto");
    if (before === "") await rm(join(folder.path, "examples/resources/agent.yaml"));
    else await writeFile(spec, (await readFile(spec, "utf8")).replace(before, after));

    await expect(referencePages(folder.path)).rejects.toThrow(message);
  });
});

describe("a reason's comment", () => {
  it("says what it means, its code, and what to do next", () => {
    expect(reasonText("X", "It is gone; metadata `a`. Code NOT_FOUND. Look elsewhere. Or give up.")).toEqual({
      reason: "X",
      codes: ["NOT_FOUND"],
      meaning: "It is gone; metadata `a`.",
      advice: "Look elsewhere. Or give up.",
    });
  });

  it("may name two codes, or none where no call is answered with it", () => {
    expect(reasonText("X", "It is gone. Code ABORTED or NOT_FOUND. Look.").codes).toEqual(["ABORTED", "NOT_FOUND"]);
    expect(reasonText("X", "It is gone. Stands in an execution's status only.").codes).toEqual([]);
  });

  it("says the codes with which the sources refuse", async () => {
    const documented = new Map(reasonsOf(await readContract(ROOT)).map(({ reason, codes }) => [reason, codes]));

    const thrown = await thrownFaults();

    expect(thrown.length).toBeGreaterThan(50);
    expect(thrown.filter(({ reason, code }) => !documented.get(reason)?.includes(code))).toEqual([]);
  });

  it.each([
    [undefined, "X has no comment"],
    ["It is gone.", "does not say its code"],
    ["It is gone. Code NOT_FOUND.", "what to do next"],
    ["It is gone. Code GONE. Look elsewhere.", "GONE, which is no gRPC status code"],
  ])("is not %j", (comment, message) => {
    expect(() => reasonText("X", comment)).toThrow(message);
  });
});

describe("Markdown", () => {
  it("keeps a cell in its cell, and text from becoming HTML", () => {
    expect(table(["a"], [["`x|y`\nz"]])).toBe("| a |\n| --- |\n| `x\\|y`<br>z |");
    expect(prose("<b> and `sha256:<hex>`")).toBe("&lt;b> and `sha256:<hex>`");
  });
});

/** What style.md says of each kind of fault. */
const CODES: Readonly<Record<string, string>> = {
  invalid: "INVALID_ARGUMENT",
  unauthenticated: "UNAUTHENTICATED",
  denied: "PERMISSION_DENIED",
  notFound: "NOT_FOUND",
  exists: "ALREADY_EXISTS",
  conflict: "ABORTED",
  precondition: "FAILED_PRECONDITION",
  exhausted: "RESOURCE_EXHAUSTED",
  expired: "OUT_OF_RANGE",
  unavailable: "UNAVAILABLE",
  unsupported: "UNIMPLEMENTED",
  late: "DEADLINE_EXCEEDED",
  cancelled: "CANCELLED",
  internal: "INTERNAL",
};

/** Every fault that a source makes with its reason written out. */
async function thrownFaults(): Promise<readonly { readonly reason: string; readonly code: string }[]> {
  const files = await listFiles(ROOT, ["{packages,cmd}/*/src/**/*.ts"]);
  const sources = files.filter((file) => !/\.(?:test|fake|suite)\.ts$/.test(file));
  const texts = await Promise.all(sources.map((file) => readFile(join(ROOT, file), "utf8")));
  return texts.flatMap((text) =>
    Array.from(text.matchAll(/(?:new Fault\(\s*"(\w+)",\s*|\b(\w+)\(\s*)"([A-Z]+(?:_[A-Z]+)*)"/g), (found) => {
      const [, made, called = "", reason = ""] = found;
      const code = CODES[made ?? called];
      return code === undefined ? [] : [{ reason, code }];
    }).flat(),
  );
}
