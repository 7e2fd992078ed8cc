import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomText } from "../core/ids.ts";
import type { Random } from "../core/random.ts";

/** What a node keeps on its own disk besides the ledger: who it is, and its secret. */
export interface DataDirectory {
  readonly path: string;
  /** Made at the first start, the same ever after. */
  readonly nodeId: string;
  /** 32 bytes, made at the first start; readable by the owner alone. */
  readonly masterSecret: Uint8Array;
}

/** Opens the directory, making what is missing. Claim it first: two processes must not share one. */
export function openDataDirectory(path: string, random: Random): DataDirectory {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return {
    path,
    nodeId: keptText(join(path, "node-id"), () => `node-${randomText(random.bytes(10))}`),
    masterSecret: Buffer.from(
      keptText(join(path, "master-secret"), () => Buffer.from(random.bytes(32)).toString("hex")),
      "hex",
    ),
  };
}

function keptText(path: string, make: () => string): string {
  if (existsSync(path)) {
    const text = readFileSync(path, "utf8").trim();
    if (text !== "") return text;
  }
  const text = make();
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return text;
}
