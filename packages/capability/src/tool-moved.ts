/**
 * The runner did not make a call: its tool is another by now than when the call was judged, the token was refused and is now
 * another, or the runner itself is gone.
 */
export class ToolMoved extends Error {
  readonly attempt: number;
  readonly what: "tool" | "token" | "runner";
  constructor(attempt: number, what: "tool" | "token" | "runner") {
    super(`the ${what} is another than when the call was judged`);
    this.name = "ToolMoved";
    this.attempt = attempt;
    this.what = what;
  }
}
