/** The agent that executions of the benches run, and the runner that drives them. */
export const AGENT = "bench";
export const RUNNER = "bench-runner";

/** The scripts of the daemon: one that answers a word, and one that calls tools that are not there, on and on. */
export const SCRIPT = "ok.yaml";
export const SLOW_SCRIPT = "slow.yaml";

/** How many steps an execution has. */
export const STEPS = 10;

/** How many steps a long execution has, and how long each takes at least. */
export const SLOW_STEPS = 900;
export const SLOW_STEP_MS = 20;
