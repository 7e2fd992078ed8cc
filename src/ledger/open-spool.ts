import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { type NodeId, nodeId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { Sql } from "./database.ts";
import type { NodeClaim } from "./node-claim.ts";
import { registerNode } from "./nodes.ts";
import { type Recovered, recover } from "./recovery.ts";
import { systemFiles } from "./spool/files.ts";
import { Spool } from "./spool/spool.ts";

export interface OpenSpoolOptions {
  readonly sql: Sql;
  /** Holds one directory a node: `<directory>/<node>`. */
  readonly directory: string;
  readonly node: NodeId;
  /** Takes another node's name; undefined while a process runs under it. (This node's own is taken already.) */
  readonly claim: (name: NodeId) => Promise<NodeClaim | undefined>;
  /** Names whose spools in the same place are somebody else's to look after; absent: none. */
  readonly isOthers?: (name: string) => boolean;
  readonly region: string;
  readonly clock: Clock;
  readonly log: Log;
}

export type FormerSpoolOptions = Omit<OpenSpoolOptions, "node">;

/** Spool bytes after which no further billable request is taken: about two million requests the ledger lacks. */
const CAP_BYTES = 1024 * 1024 * 1024;
const SEGMENT_BYTES = 16 * 1024 * 1024;

/**
 * Opens this node's spool with everything that it holds applied to the ledger. Spools that other names of this
 * node left in the same place are applied first and removed: nobody else will come for them.
 */
export async function openSpool(
  options: OpenSpoolOptions,
): Promise<{ readonly spool: Spool; readonly recovered: Recovered }> {
  const { node, log, isOthers } = options;
  await applyFormerSpools({ ...options, isOthers: (name) => name === node || isOthers?.(name) === true });
  const opened = await openOne(options, node);
  if (opened.recovered.inDoubt > 0) {
    log.warn(
      "requests were running when the node stopped; they are charged for their last note and flagged",
      {
        requests: opened.recovered.inDoubt,
      },
    );
  }
  return opened;
}

/** Applies and removes every spool in the directory that is nobody else's to look after. */
export async function applyFormerSpools(options: FormerSpoolOptions): Promise<void> {
  const { directory, log, isOthers } = options;
  systemFiles.makeDirectory(directory);
  for (const name of readdirSync(directory)) {
    if (isOthers?.(name) === true) continue;
    if (!isSpool(join(directory, name))) {
      log.warn("this is no spool and is left alone", { path: join(directory, name) });
      continue;
    }
    await applyFormer(options, nodeId(name));
  }
}

async function applyFormer(options: FormerSpoolOptions, former: NodeId): Promise<void> {
  const claim = await options.claim(former);
  if (claim === undefined) {
    // Its purses are in use: taking them back would pull the points from under a running process.
    options.log.warn("a spool here belongs to a node that runs elsewhere and is left alone", {
      node: former,
    });
    return;
  }
  try {
    const left = await openOne(options, former);
    await left.spool.close();
    rmSync(join(options.directory, former), { recursive: true });
    options.log.info("applied the spool of a former node name", { node: former });
  } finally {
    await claim.release();
  }
}

/** Nothing but segments; anything else is somebody else's. */
function isSpool(path: string): boolean {
  if (!statSync(path).isDirectory()) return false;
  const names = readdirSync(path);
  return names.length > 0 && names.every((name) => name.endsWith(".spool"));
}

async function openOne(options: FormerSpoolOptions, node: NodeId) {
  const { sql, clock, log, region } = options;
  const from = await registerNode(sql, node);
  const { spool, open } = Spool.open({
    directory: join(options.directory, node),
    files: systemFiles,
    clock,
    log,
    floor: from,
    capBytes: CAP_BYTES,
    segmentBytes: SEGMENT_BYTES,
  });
  const recovered = await recover({ sql, spool, open, from, node, region, clock, log });
  return { spool, recovered };
}
