import { READY } from "./worker-process.ts";

/**
 * Tells the parent that this worker serves. A worker whose parent is gone ends at once, as if it were killed too: the
 * servers that it stands on end with the parent, and the next one needs its place. What ran is in the spool.
 */
export function serveParent(parentGone: () => void): void {
  process.on("disconnect", parentGone);
  if (process.connected) process.send?.(READY);
  else parentGone();
}
