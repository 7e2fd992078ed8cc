import { join } from "node:path";
import { OUT, ROOT } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { CELLS, withPart } from "../readme.ts";
import { CELL_CASES, type CellCase, countCells } from "./count.ts";
import { sumOf } from "./heap.ts";
import { type Counted, cellsTable } from "./report.ts";

/**
 * `bun run bench:cells [CASE …] [--dry]`: what a request, and a token, puts on the heap, by type: counted, not timed. Some
 * cases only are printed and not written down. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, `bun run bench:cells [${CELL_CASES.map(({ id }) => id).join("|")}] [--dry]`);
const asked = args.filter((arg) => !arg.startsWith("-"));
const cases = asked.length === 0 ? CELL_CASES : asked.map(caseOf);

const written = await countAll(false);
const compiled = await countAll(true);
const { date, commit } = machineFacts("");
const text = `${date}, commit ${commit}; Bun ${Bun.version}.

As the code is written, which is what the guard holds:

${cellsTable(written)}

With the optimizing compiler, which spares some of them:

${cellsTable(compiled)}`;
console.log(`\n${text}\n`);
await Bun.write(join(OUT, "cells.json"), JSON.stringify({ date, commit, written, compiled }, null, 2));
if (!args.includes("--dry") && asked.length === 0) {
  const readme = join(ROOT, "bench/README.md");
  await Bun.write(readme, withPart(await Bun.file(readme).text(), CELLS, text));
}
process.exit();

async function countAll(isCompiled: boolean): Promise<readonly Counted[]> {
  const counted: Counted[] = [];
  for (const one of cases) {
    const heap = await countCells(one, { isCompiled });
    counted.push({ title: one.title, heap });
    console.error(
      `${one.title}, ${isCompiled ? "compiled" : "as written"}: ${sumOf(heap.cells).toFixed(2)} cells`,
    );
  }
  return counted;
}

function caseOf(id: string): CellCase {
  const found = CELL_CASES.find((one) => one.id === id);
  if (found !== undefined) return found;
  console.error(`unknown: ${id}; there are ${CELL_CASES.map((one) => one.id).join(", ")}`);
  process.exit(2);
}
