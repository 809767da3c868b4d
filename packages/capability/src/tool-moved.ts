/** The runner did not make a call: its tool is another by now than when the call was judged, or the token was refused and is now another. */
export class ToolMoved extends Error {
  readonly attempt: number;
  readonly what: "tool" | "token";
  constructor(attempt: number, what: "tool" | "token") {
    super("the tool is another than when the call was judged");
    this.name = "ToolMoved";
    this.attempt = attempt;
    this.what = what;
  }
}
