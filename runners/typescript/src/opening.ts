import { type AgentContext, create, type Message, MessageSchema, Role, textMessage } from "@stigmer/sdk";
import type { Conversation } from "./conversation.ts";

type About = Pick<AgentContext, "agent" | "history" | "message" | "attachments" | "skills" | "planFirst">;

/** The conversation before the first model call: the same on every attempt. */
export function opening(about: About, tools: readonly { readonly name: string }[]): Conversation {
  const { agent, history, message, attachments, skills, planFirst } = about;
  const mayPlan = tools.some(({ name }) => name === "submit_plan");
  const said = [agent.instructions, skillsText(skills), planFirst ? planText(mayPlan) : ""];
  const head = textMessage(Role.SYSTEM, said.filter((text) => text !== "").join("\n\n"));
  return { head, before: history, summary: "", task: taskMessage(message, attachments), after: [] };
}

function taskMessage(message: string, attachments: About["attachments"]): Message {
  const files = attachments.map((value) => ({ part: { case: "attachment" as const, value } }));
  return create(MessageSchema, { role: Role.USER, parts: [{ part: { case: "text", value: message } }, ...files] });
}

function skillsText(skills: About["skills"]): string {
  if (skills.length === 0) return "";
  const lines = skills.map(({ name, description }) => `- ${name}: ${description.replace(/\s+/g, " ").trim()}`);
  return [
    "You have skills: instructions for kinds of work. Where one fits what you are asked, read it with the tool read_skill before you begin.",
    ...lines,
  ].join("\n");
}

function planText(mayPlan: boolean): string {
  const rule = "You are in plan mode: you may read and ask, and calls that could change anything are refused.";
  if (!mayPlan) return `${rule} Answer with what you have found out and what you propose.`;
  return (
    `${rule} Find out what you need, then call submit_plan with the whole plan. ` +
    "A person approves it, changes it or sends it back with a comment; once it is approved, carry it out."
  );
}
