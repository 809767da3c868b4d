import { AgentSpecSchema, create, Role, textMessage, textOf } from "@stigmer/sdk";
import { expect, it } from "vitest";
import { opening } from "./opening.ts";

const about = {
  ...{ agent: create(AgentSpecSchema, { instructions: "be kind" }), history: [], message: "now" },
  ...{ attachments: [], skills: [], planFirst: false },
};
const skill = (name: string, description: string) => ({ name, description }) as never;

it("begins with the instructions alone where there is nothing to add", () => {
  expect(opening(about, [])).toMatchObject({ head: textMessage(Role.SYSTEM, "be kind"), before: [], after: [] });
});

it("names each skill, with what it is for in one line, and says how to read it", () => {
  const text = textOf(opening({ ...about, skills: [skill("pdf", "reads\n  PDF"), skill("sql", "asks")] }, []).head);

  expect(text).toMatch(/^be kind\n\nYou have skills.*read_skill/);
  expect(text.split("\n").slice(-2)).toEqual(["- pdf: reads PDF", "- sql: asks"]);
});

it("shows what the user sent along after what the user says", () => {
  const file = { name: "a.png", mediaType: "image/png", digest: "sha256:a", size: 1n } as never;

  const { task } = opening({ ...about, attachments: [file] }, []);

  expect(task.parts.map(({ part }) => part.case)).toEqual(["text", "attachment"]);
  expect(task.parts[1]?.part.value).toMatchObject({ name: "a.png" });
});

it("tells the model that it is in plan mode, and how to leave it", () => {
  const text = textOf(opening({ ...about, planFirst: true }, [{ name: "submit_plan" }]).head);

  expect(text).toContain("plan mode");
  expect(text).toContain("submit_plan");
});

it("does not speak of a way out of plan mode that there is not", () => {
  const text = textOf(opening({ ...about, planFirst: true }, []).head);

  expect(text).toContain("plan mode");
  expect(text).not.toContain("submit_plan");
});
