import { simulate } from "../simulation/world.ts";

const [count = "1"] = process.argv.slice(2);

Error.stackTraceLimit = 0;

// One line for each world, up to the first in which a promise is broken.
for (let seed = 1; seed <= Number(count); seed++) {
  const { broken } = await simulate(seed);
  console.log(JSON.stringify({ seed, broken }));
  if (broken.length > 0) break;
}
process.exit();
