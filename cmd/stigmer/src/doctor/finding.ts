import { explain } from "../explain.ts";

/** What a check found; `fix` is what to type, or to do, where it is not well. */
export type Finding = {
  readonly check: string;
  readonly state: "ok" | "warning" | "broken";
  readonly message: string;
  readonly fix: string;
};

export function ok(check: string, message: string): Finding {
  return { check, state: "ok", message, fix: "" };
}

export function warning(check: string, message: string, fix: string): Finding {
  return { check, state: "warning", message, fix };
}

export function broken(check: string, message: string, fix: string): Finding {
  return { check, state: "broken", message, fix };
}

/** What a check finds; one that fails has found that. */
export async function found(
  check: string,
  look: () => Finding | Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    const findings = await look();
    return "check" in findings ? [findings] : findings;
  } catch (error) {
    const { message, next } = explain(error);
    return [broken(check, message, next)];
  }
}
