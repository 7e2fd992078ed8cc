import type { Catalog } from "../core/catalog.ts";
import type { MediaSettings } from "../core/media-settings.ts";
import type { OverloadSettings } from "../core/overload-settings.ts";
import type { UpstreamKind } from "../core/upstream-choice.ts";
import type { WorkerPlace } from "./worker-place.ts";

/** Everything that an operator decides, checked and with defaults filled in. Keys do not show in logs or JSON. */
export interface Config {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly dataDirectory: string;
  /** Absent: an embedded Postgres under the data directory. */
  readonly databaseUrl?: string;
  /** Empty: one node, messages in the process. */
  readonly natsUrls: readonly string[];
  readonly redisUrl?: string;
  readonly region: string;
  /** Absent: random. */
  readonly nodeId?: string;
  /** Processes on this machine that share the port; `auto`: one a core. */
  readonly workers: number | "auto";
  /** Present in one of those processes. */
  readonly worker?: WorkerPlace;
  /** Absent: made and kept by the ledger at the first start. */
  readonly adminKey?: string;
  /** 32 bytes; absent: made and kept in the data directory. */
  readonly masterSecret?: Uint8Array;
  readonly bodyLimitBytes: number;
  readonly drainTimeoutMs: number;
  readonly overload: OverloadSettings;
  readonly upstream: UpstreamKind;
  /** Where clients reach this gateway, without a trailing slash; absent: as each request says. */
  readonly publicUrl?: string;
  readonly media: MediaSettings;
  /** Whose pages may call the client API from a browser, as browsers write origins; absent: nobody's. */
  readonly corsOrigins?: readonly string[];
  /** Hosts and addresses inside that URLs of clients and vendors may lead to. */
  readonly fetchAllow: readonly string[];
  readonly catalog: Catalog;
  readonly source: ConfigSource;
}

export interface ConfigSource {
  /** Absent: environment and `built-in.yaml` only. */
  readonly file?: string;
  /** SHA-256 of the file's text, in hex: tells whether two nodes read the same. */
  readonly hash: string;
}

const FIXED_AT_START = [
  "host",
  "port",
  "dataDirectory",
  "databaseUrl",
  "natsUrls",
  "redisUrl",
  "region",
  "nodeId",
  "workers",
  "bodyLimitBytes",
  "overload",
  "upstream",
  "publicUrl",
  "media",
  "corsOrigins",
  "fetchAllow",
] as const satisfies readonly (keyof Config)[];

/** Names of the settings that differ but are only read when the process starts. */
export function needsRestart(running: Config, next: Config): readonly string[] {
  return FIXED_AT_START.filter((name) => JSON.stringify(running[name]) !== JSON.stringify(next[name]));
}
