import { simulate } from "./world.ts";

const [first = "1", count = "1"] = process.argv.slice(2);

for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const { lines, broken, counts, digest } = await simulate(seed);
  for (const line of lines) console.log(line);
  console.log(JSON.stringify({ seed, digest, counts, broken }, undefined, 2));
}
