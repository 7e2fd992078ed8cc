import { READY } from "./worker-process.ts";

/**
 * Tells the parent that this worker serves. A worker whose parent is gone ends without waiting for its requests: the
 * servers that it stands on end with the parent, and the next one needs its place.
 */
export function serveParent(parentGone: () => void): void {
  process.on("disconnect", parentGone);
  if (process.connected) process.send?.(READY);
  else parentGone();
}
