import type { PlannedStep } from "./agent.ts";

const MOST_PLANNED = 256;
// A hint must not make the call too large for one message.
const MOST_CHARACTERS = 256 * 1024;

/** As many of the calls that come next as a request may name, the nearest first. */
export function plannedThatFit(planned: readonly PlannedStep[]): PlannedStep[] {
  let characters = 0;
  const first = planned.slice(0, MOST_PLANNED);
  const end = first.findIndex(({ stepKey, call }) => {
    characters += stepKey.length + call.id.length + call.name.length + call.arguments.length;
    return characters > MOST_CHARACTERS;
  });
  return end < 0 ? first : first.slice(0, end);
}
