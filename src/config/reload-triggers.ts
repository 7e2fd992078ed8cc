import { type FSWatcher, realpathSync, watch } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Log } from "../core/log.ts";
import type { ReloadTriggers } from "./watch.ts";

/**
 * The real ones. Folders are watched, not the file: editors replace a file by renaming another one over it,
 * and Kubernetes swaps the folder that a link points into; a watch on the file itself would keep looking at
 * the old one. What did not change the file's text is told apart by its hash.
 */
export function systemTriggers(log: Log): ReloadTriggers {
  return {
    watchFile(path, changed) {
      const watchers: FSWatcher[] = [];
      for (const folder of foldersOf(path)) {
        try {
          const watcher = watch(folder, { persistent: false }, changed);
          watcher.on("error", (error) =>
            log.warn("the configuration is no longer watched; SIGHUP reloads it", { folder, error }),
          );
          watchers.push(watcher);
        } catch (error) {
          log.warn("the configuration cannot be watched; SIGHUP reloads it", { folder, error });
        }
      }
      return () => {
        for (const watcher of watchers) watcher.close();
      };
    },
    onHangup(run) {
      process.on("SIGHUP", run);
      return () => process.off("SIGHUP", run);
    },
  };
}

/** The folder that holds the name, and the one that holds the file when the name is a link. */
function foldersOf(path: string): ReadonlySet<string> {
  const folders = new Set([dirname(resolve(path))]);
  try {
    folders.add(dirname(realpathSync(path)));
  } catch {
    // Not there yet: its folder is watched for its coming.
  }
  return folders;
}
