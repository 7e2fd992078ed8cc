/** What can be seen of a NATS cluster from a client. */
export interface ServerFacts {
  readonly version: string;
  /** Copies that the cluster keeps of a stream: 3, or 1 where there are no three servers. */
  readonly replicas: number;
  /** Undefined: it cannot be seen with this account. */
  readonly syncsAlways: boolean | undefined;
}

export interface Verdict {
  /** Why Sluice must not run on it. */
  readonly refusal: string | undefined;
  /** What an operator should know. */
  readonly warnings: readonly string[];
}

type Version = readonly [major: number, minor: number, patch: number];

/** Compare-and-set by revision on a replicated bucket let several writers win before (nats-io/nats-server, 2.9.21). */
const FIRST_RIGHT: Version = [2, 9, 21];
/** `sync_interval: always` exists from here. */
const FIRST_SYNCING: Version = [2, 10, 0];
/** The oldest that is still maintained. */
const FIRST_MAINTAINED: Version = [2, 14, 0];

/** Judges a server before anything is entrusted to it. */
export function judge({ version, replicas, syncsAlways }: ServerFacts): Verdict {
  const parsed = parseVersion(version);
  if (parsed === undefined) return { refusal: `its version '${version}' cannot be read`, warnings: [] };
  if (replicas > 1 && isBelow(parsed, FIRST_RIGHT)) {
    const refusal = `nats-server ${version} lets several nodes own the same thing; from 2.9.21 on it is right`;
    return { refusal, warnings: [] };
  }
  const warnings: string[] = [];
  if (replicas < 3) {
    warnings.push(
      "NATS keeps one copy only: when its server is lost, nodes cannot reach each other. Run three.",
    );
  }
  if (isBelow(parsed, FIRST_SYNCING)) {
    warnings.push(`nats-server ${version} cannot write through to the disk; use 2.14 or newer.`);
  } else if (syncsAlways !== true) {
    const seen = syncsAlways === false ? "is not set" : "cannot be seen from here";
    warnings.push(
      `'sync_interval: always' ${seen}: set it, or a power failure may lose what NATS acknowledged.`,
    );
  }
  if (!isBelow(parsed, FIRST_SYNCING) && isBelow(parsed, FIRST_MAINTAINED)) {
    warnings.push(`nats-server ${version} is no longer maintained; use 2.14 or newer.`);
  }
  return { refusal: undefined, warnings };
}

function parseVersion(text: string): Version | undefined {
  const found = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}

function isBelow(version: Version, first: Version): boolean {
  for (const [index, part] of version.entries()) {
    const other = first[index] ?? 0;
    if (part !== other) return part < other;
  }
  return false;
}
