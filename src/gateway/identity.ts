import { BlockList } from "node:net";
import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import type { KeyId, TenantId } from "../core/ids.ts";
import type { KeyRecord } from "../ledger/keys.ts";
import type { Caller, Credential, Scope } from "./gateway.ts";

export interface IdentityPorts {
  readonly clock: Clock;
  /** Finds a key by the SHA-256 (hex) of its secret. */
  find(hash: string): Promise<KeyRecord | undefined>;
  /** False while a revocation on another node would not be heard of. */
  isConnected(): boolean;
}

export interface Identity {
  authenticate(credential: Credential, scope: Scope): Caller | Promise<Caller>;
  /** A key changed or was revoked: the next request asks the ledger again. */
  forget(key: KeyId): void;
  /** The tenant changed: its tier is part of what is known of each of its keys. */
  forgetTenant(tenant: TenantId): void;
}

/** Known keys at most; the oldest is forgotten first. A node with more active keys only asks more often. */
const KNOWN_KEYS = 100_000;

/** Secrets that were refused lately, kept apart so that a flood of guesses cannot push out known keys. */
const REFUSED_KEYS = 10_000;

/** Questions to the ledger under way at once; beyond it callers with unknown keys are told to come back. */
const QUESTIONS = 1_000;

/** How long a key is believed without asking again: the bound if a revocation's message were lost. */
const FRESH_MS = 30_000;

/** The same while this node is cut off from the others. */
const FRESH_ALONE_MS = 1_000;

/** How long an unknown secret is refused without asking again. */
const REFUSED_MS = 5_000;

/** How long a known key is still believed while the ledger cannot be asked. */
const STALE_MS = 15 * 60_000;

interface Known {
  readonly record: KeyRecord;
  readonly caller: Caller;
  readonly addresses: BlockList | undefined;
  readonly askedAt: number;
  /** Once it was shown again. */
  secret?: string;
}

/** Who calls: keys in memory, misses asked of the ledger once for all who wait. */
export function createIdentity(ports: IdentityPorts): Identity {
  const known = new Map<string, Known>();
  /** By their secrets, which spares each request a hash. Bounded as `known` is; never leaves this function. */
  const bySecret = new Map<string, Known>();
  /** Hash → when it may be asked for again, monotonic. */
  const refused = new Map<string, number>();
  const hashOfKey = new Map<KeyId, string>();
  const asking = new Map<string, Promise<Known | undefined>>();
  /** Grows with every forgetting, so that an answer asked before one is not kept. */
  let generation = 0;

  const keep = (hash: string, entry: Known): void => {
    const before = known.get(hash);
    if (before !== undefined) drop(hash, before);
    known.set(hash, entry);
    hashOfKey.set(entry.record.id, hash);
    if (known.size <= KNOWN_KEYS) return;
    for (const [oldest, { record }] of known) {
      hashOfKey.delete(record.id);
      forgetHash(oldest);
      return;
    }
  };

  const drop = (hash: string, entry: Known): void => {
    known.delete(hash);
    if (entry.secret !== undefined) bySecret.delete(entry.secret);
  };

  const forgetHash = (hash: string): void => {
    const entry = known.get(hash);
    if (entry !== undefined) drop(hash, entry);
  };

  const isFresh = ({ askedAt }: Known, now: number): boolean =>
    now - askedAt < (ports.isConnected() ? FRESH_MS : FRESH_ALONE_MS);

  const refuse = (hash: string): void => {
    refused.set(hash, ports.clock.monotonic() + REFUSED_MS);
    if (refused.size > REFUSED_KEYS) dropOldest(refused);
  };

  const ask = (hash: string): Promise<Known | undefined> => {
    const running = asking.get(hash);
    if (running !== undefined) return running;
    if (asking.size >= QUESTIONS) return Promise.reject(new Error("too many keys are being looked up"));
    const askedIn = generation;
    const asked = ports
      .find(hash)
      .then((record) => {
        const entry = record === undefined ? undefined : remember(record, ports.clock.monotonic());
        if (askedIn !== generation) return entry;
        if (entry === undefined) refuse(hash);
        else keep(hash, entry);
        return entry;
      })
      .finally(() => asking.delete(hash));
    asking.set(hash, asked);
    return asked;
  };

  const askOrBelieve = async (hash: string, stale: Known | undefined): Promise<Known | undefined> => {
    try {
      return await ask(hash);
    } catch (cause) {
      if (stale !== undefined && ports.clock.monotonic() - stale.askedAt < STALE_MS) return stale;
      const detail = { retryAfterMs: 1_000, cause };
      throw new SluiceError("overloaded", "The key could not be checked at the moment.", detail);
    }
  };

  return {
    authenticate(credential, scope) {
      const { clock } = ports;
      const { secret } = credential;
      const now = clock.monotonic();
      const met = bySecret.get(secret);
      if (met !== undefined && isFresh(met, now)) return check(met, credential, scope, clock);
      const hash = new Bun.CryptoHasher("sha256").update(secret).digest("hex");
      const entry = known.get(hash);
      if (entry !== undefined && isFresh(entry, now)) {
        entry.secret = secret;
        bySecret.set(secret, entry);
        return check(entry, credential, scope, clock);
      }
      if (entry === undefined && now < (refused.get(hash) ?? 0)) throw unknownKey();
      return checkLater(askOrBelieve(hash, entry), credential, scope, clock);
    },
    forget(key) {
      generation += 1;
      const hash = hashOfKey.get(key);
      if (hash !== undefined) forgetHash(hash);
      hashOfKey.delete(key);
      // A secret that was refused before its key existed is not known by the key's id.
      refused.clear();
    },
    forgetTenant(tenant) {
      generation += 1;
      for (const [hash, entry] of known) if (entry.record.tenant === tenant) drop(hash, entry);
    },
  };
}

/** Maps keep the order of insertion. */
function dropOldest<Value>(map: Map<string, Value>): Value | undefined {
  for (const [key, value] of map) {
    map.delete(key);
    return value;
  }
  return undefined;
}

function remember(record: KeyRecord, askedAt: number): Known {
  const caller: Caller = {
    tenant: record.tenant,
    key: record.id,
    tier: record.tier,
    models: record.models,
    vendors: record.vendors,
    onShortBalance: record.policy.onShortBalance,
    limits: record.limits,
    budget: record.budget,
    ...(record.policy.takeover === undefined ? {} : { takeover: record.policy.takeover }),
  };
  return { record, caller, addresses: record.ips === null ? undefined : blockListOf(record.ips), askedAt };
}

function check(entry: Known, credential: Credential, scope: Scope, clock: Clock): Caller {
  const { record, caller } = entry;
  if (isOver(record.validUntil, clock)) throw invalidKey("This API key was revoked.");
  if (isOver(record.expiresAt, clock)) throw invalidKey("This API key has expired.");
  if (entry.addresses !== undefined && !contains(entry.addresses, credential.address)) {
    throw new SluiceError("ip_not_allowed", "This API key may not be used from this address.");
  }
  if (record.scopes !== null && !record.scopes.includes(scope)) {
    throw new SluiceError("permission_denied", `This API key lacks the scope '${scope}'.`);
  }
  return caller;
}

async function checkLater(
  finding: Promise<Known | undefined>,
  credential: Credential,
  scope: Scope,
  clock: Clock,
): Promise<Caller> {
  const found = await finding;
  if (found === undefined) throw unknownKey();
  return check(found, credential, scope, clock);
}

/** Most keys have no end, and no clock is looked at for them. */
const isOver = (end: number | null, clock: Clock): boolean => end !== null && clock.now() >= end;

const unknownKey = (): SluiceError => invalidKey("Incorrect API key provided.");
const invalidKey = (message: string): SluiceError => new SluiceError("invalid_api_key", message);

/** CIDR ranges and single addresses; they were checked when the key was made. */
function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix] = range.split("/");
    const family = familyOf(address);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  // An IPv4 client of a dual-stack socket shows up as ::ffff:a.b.c.d.
  const plain = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  return plain !== "" && list.check(plain, familyOf(plain));
}

const familyOf = (address: string): "ipv4" | "ipv6" => (address.includes(":") ? "ipv6" : "ipv4");
