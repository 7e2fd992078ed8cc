/** The real servers and tools that tests and benches need, and where each can be had. Versions are pinned. */
export interface Program {
  /** Commands that are it, the first found is taken. */
  readonly commands: readonly string[];
  /** Holds the URL of one that runs already. */
  readonly urlVariable?: string;
  /** Older ones are as good as none: they lack what tests rely on. Told by `--version`. */
  readonly leastVersion?: readonly [major: number, minor: number];
  /** Built by Go from its module proxy. */
  readonly goModule?: { readonly path: string; readonly version: string };
  /** Debian's package. */
  readonly debianPackage?: string;
  readonly dockerImage?: string;
  /** What a person should do when all of that fails. */
  readonly advice: string;
}

export const PROGRAMS = {
  k6: {
    commands: ["k6"],
    goModule: { path: "go.k6.io/k6", version: "v1.8.1" },
    dockerImage: "grafana/k6:1.8.1",
    advice: "put k6 1.8 on the PATH, or install Go or Docker",
  },
  "nats-server": {
    commands: ["nats-server"],
    leastVersion: [2, 10],
    urlVariable: "NATS_URL",
    goModule: { path: "github.com/nats-io/nats-server/v2", version: "v2.15.2" },
    debianPackage: "nats-server",
    dockerImage: "nats:2.15",
    advice: "set NATS_URL, put nats-server 2.9.21 or later on the PATH, or install Go or Docker",
  },
  redis: {
    commands: ["redis-server", "valkey-server"],
    urlVariable: "REDIS_URL",
    debianPackage: "redis-server",
    dockerImage: "redis:7",
    advice: "set REDIS_URL, put redis-server 7 on the PATH, or install Docker",
  },
  chromium: {
    commands: ["chromium", "chromium-browser", "google-chrome"],
    debianPackage: "chromium",
    dockerImage: "chromedp/headless-shell:stable",
    advice: "put chromium on the PATH, or install Docker",
  },
} as const satisfies Readonly<Record<string, Program>>;

export type ProgramName = keyof typeof PROGRAMS;
