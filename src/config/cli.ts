import { runConfigCommand } from "./check.ts";
import { readTextFile } from "./read-file.ts";

/** `bun run config …` */
const { output, exitCode } = runConfigCommand(process.argv.slice(2), {
  env: process.env,
  readFile: readTextFile,
});
process[exitCode === 0 ? "stdout" : "stderr"].write(`${output}\n`);
process.exitCode = exitCode;
