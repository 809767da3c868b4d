#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// What V8 compiled is kept for the next command; without a folder for it everything works, and takes longer.
// It stands in the environment so that the daemon, which commands start, does the same.
process.env.NODE_COMPILE_CACHE ||= join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "stigmer", "compiled");
enableCompileCache();
const { runProcess } = await import("./process.ts");
// The programs lie beside this file, and not beside the parts that it is split into.
await runProcess({ env: process.env, folder: import.meta.dirname });
