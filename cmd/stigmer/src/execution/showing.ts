import type { Backend } from "../backend/open-backend.ts";
import type { Deps, Sink } from "../deps.ts";
import { canDraw, paintFor } from "../output/paint.ts";
import { formatJsonLine } from "../output/structured.ts";
import { type CallDetails, createCallDetails } from "./call-details.ts";
import type { Item } from "./cursor.ts";
import { itemJson } from "./event-json.ts";
import { createPlainScreen, createRichScreen, type Screen } from "./screen.ts";
import { isLocalUrl } from "./starting.ts";
import { addToTally, EMPTY_TALLY, type Tally, tallyText } from "./tally.ts";
import { EMPTY_VIEW, type Notice, render } from "./view.ts";

/** An execution on the screen. */
export interface Showing {
  /** For whoever else says something meanwhile. */
  readonly stderr: Sink;
  readonly details: CallDetails;
  take(item: Item): Promise<Notice | undefined>;
  /** Ends the line that stands open where following breaks off. */
  breakOff(): Promise<void>;
  /** Says what was used, where a person looks on. */
  close(): Promise<void>;
}

export type ShowingOf = {
  /** One line of JSON per event, instead of text for a person. */
  readonly json: boolean;
  /** Whether calls are shown with all that they take and answer. */
  readonly verbose?: boolean | undefined;
  /** Told what the execution has used, once it is no longer shown. */
  readonly onTally?: ((tally: Tally) => void) | undefined;
};

/** Begins to show an execution: laid out on a terminal that can draw, elsewhere as it comes. */
export async function showing(deps: Deps, backend: Pick<Backend, "url">, of: ShowingOf): Promise<Showing> {
  const isTerminal = deps.stdout.isTTY && !of.json;
  const isRich = isTerminal && canDraw(deps.stdout, deps.env) && canDraw(deps.stderr, deps.env);
  const screen: Screen = isRich ? await createRichScreen(deps) : createPlainScreen(deps);
  const details = createCallDetails(deps, { verbose: of.verbose === true, local: isLocalUrl(backend.url) });
  let view = EMPTY_VIEW;
  let tally = EMPTY_TALLY;
  // What others say would stand behind half a sentence; in a pipe the model's text stays as it is.
  const interject = async (text: string): Promise<void> => {
    if (view.midLine && isTerminal && !isRich) await deps.stdout.write("\n");
    view = deps.stdout.isTTY ? { ...view, midLine: false } : view;
    await screen.interject(text);
  };
  return {
    stderr: { ...deps.stderr, write: interject },
    details,
    async take(item) {
      tally = addToTally(tally, item);
      const { outputs, notice, ...rendered } = render(view, item, paintFor(deps.stderr, deps.env));
      view = rendered.view;
      if (of.json) await deps.stdout.write(formatJsonLine(itemJson(item)));
      else {
        await screen.show(outputs, { ends: endsText(item) });
        const detail = await details.of(item);
        if (detail) await screen.show([{ to: "stderr", text: detail }], { ends: false });
      }
      return notice;
    },
    async breakOff() {
      if (view.midLine && !isRich) await deps.stdout.write("\n");
    },
    async close() {
      await screen.close();
      of.onTally?.(tally);
      if (isTerminal && deps.stderr.isTTY && tally.calls > 0) {
        await deps.stderr.write(`${paintFor(deps.stderr, deps.env).dim(tallyText(tally))}\n`);
      }
    },
  };
}

/** Whether no more text of the same answer comes. */
function endsText(item: Item): boolean {
  if (item.kind !== "entry") return item.kind === "restarted";
  const { event } = item.event;
  return event.case === "modelCallFinished" || event.case === "phaseChanged";
}
