import { beforeEach, describe, expect, test } from "bun:test";
import { SluiceError } from "../core/errors.ts";
import { keyId, tenantId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { hashOf, type KeyRecord } from "../ledger/keys.ts";
import type { Caller, Credential } from "./gateway.ts";
import { createIdentity, type Identity } from "./identity.ts";

let clock: ManualClock;
let records: Map<string, KeyRecord>;
let asked: string[];
let isConnected: boolean;
let isLedgerAway: boolean;
let identity: Identity;

beforeEach(() => {
  clock = new ManualClock();
  records = new Map();
  asked = [];
  isLedgerAway = false;
  isConnected = true;
  identity = createIdentity({
    clock,
    isConnected: () => isConnected,
    async find(hash) {
      asked.push(hash);
      if (isLedgerAway) throw new Error("ECONNREFUSED");
      return records.get(hash);
    },
  });
});

function know(secret: string, changes: Partial<KeyRecord> = {}): void {
  records.set(hashOf(secret), {
    id: keyId(`key of ${secret}`),
    tenant: tenantId("t"),
    tier: "normal",
    name: "",
    scopes: null,
    models: null,
    vendors: null,
    ips: null,
    limits: null,
    budget: null,
    policy: { onShortBalance: "cap" },
    expiresAt: null,
    validUntil: null,
    createdAt: 0,
    ...changes,
  });
}

const credential = (secret: string, address = "192.0.2.1"): Credential => ({ secret, address });

async function codeOf(run: () => Caller | Promise<Caller>): Promise<string> {
  try {
    await run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.code;
    throw thrown;
  }
  return "accepted";
}

const ask = (secret: string, address?: string) =>
  codeOf(() => identity.authenticate(credential(secret, address), "chat"));

describe("a known key", () => {
  test("is asked for once, whoever waits, and answered at once from then on", async () => {
    know("sk-a");
    const all = await Promise.all(
      Array.from({ length: 20 }, () => identity.authenticate(credential("sk-a"), "chat")),
    );
    expect(all.every(({ tenant }) => tenant === "t")).toBe(true);
    expect(identity.authenticate(credential("sk-a"), "chat")).not.toBeInstanceOf(Promise);
    expect(asked).toHaveLength(1);
  });

  test("is asked for anew after a while, and at once when it was changed", async () => {
    know("sk-a");
    await ask("sk-a");
    await clock.advance(31_000);
    await ask("sk-a");
    expect(asked).toHaveLength(2);
    know("sk-a", { validUntil: clock.now() });
    identity.forget(keyId("key of sk-a"));
    expect(await ask("sk-a")).toBe("invalid_api_key");
  });

  test("that was met again and again is known by its secret no longer than by its hash", async () => {
    for (const change of ["the key", "its tenant", "time"] as const) {
      know("sk-a");
      for (let times = 0; times < 3; times += 1) expect(await ask("sk-a")).toBe("accepted");
      asked = [];
      records.clear();
      if (change === "the key") identity.forget(keyId("key of sk-a"));
      else if (change === "its tenant") identity.forgetTenant(tenantId("t"));
      else await clock.advance(31_000);
      expect(await ask("sk-a")).toBe("invalid_api_key");
      expect(asked).toHaveLength(1);
      await clock.advance(6_000);
    }
  });

  test("is asked for anew every second while nobody would tell of its revocation", async () => {
    know("sk-a");
    await ask("sk-a");
    isConnected = false;
    await clock.advance(1_000);
    await ask("sk-a");
    expect(asked).toHaveLength(2);
    isConnected = true;
    await clock.advance(1_000);
    await ask("sk-a");
    expect(asked).toHaveLength(2);
  });

  test("that changes while it is being asked for is not kept as it was", async () => {
    know("sk-a");
    const asking = ask("sk-a");
    identity.forget(keyId("key of sk-a"));
    await asking;
    know("sk-a", { validUntil: clock.now() });
    expect(await ask("sk-a")).toBe("invalid_api_key");
  });

  test("is believed for a while when the ledger cannot be asked, an unknown one is not", async () => {
    know("sk-a");
    await ask("sk-a");
    isLedgerAway = true;
    await clock.advance(60_000);
    expect(await ask("sk-a")).toBe("accepted");
    expect(await ask("sk-b")).toBe("overloaded");
    await clock.advance(20 * 60_000);
    expect(await ask("sk-a")).toBe("overloaded");
  });

  test("is asked for anew when its tenant changed, others are not", async () => {
    know("sk-a", { tenant: tenantId("a") });
    know("sk-b", { tenant: tenantId("b") });
    await Promise.all([ask("sk-a"), ask("sk-b")]);
    identity.forgetTenant(tenantId("a"));
    asked.length = 0;
    await Promise.all([ask("sk-a"), ask("sk-b")]);
    expect(asked).toEqual([hashOf("sk-a")]);
  });

  test("expires on the moment although it is in memory", async () => {
    know("sk-a", { expiresAt: clock.now() + 1_000 });
    expect(await ask("sk-a")).toBe("accepted");
    await clock.advance(999);
    expect(await ask("sk-a")).toBe("accepted");
    await clock.advance(1);
    expect(await ask("sk-a")).toBe("invalid_api_key");
  });

  test("keeps to its scopes and addresses", async () => {
    know("sk-a", { scopes: ["embeddings"] });
    expect(await ask("sk-a")).toBe("permission_denied");
    know("sk-b", { ips: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"] });
    for (const [address, outcome] of [
      ["10.255.0.1", "accepted"],
      ["::ffff:10.1.1.1", "accepted"],
      ["192.0.2.7", "accepted"],
      ["192.0.2.8", "ip_not_allowed"],
      ["2001:db8:1::5", "accepted"],
      ["2001:db9::1", "ip_not_allowed"],
      ["", "ip_not_allowed"],
    ] as const) {
      expect([address, await ask("sk-b", address)]).toEqual([address, outcome]);
    }
  });
});

describe("an unknown key", () => {
  test("is refused without asking again for a moment, and taken as soon as it is made", async () => {
    expect(await ask("sk-new")).toBe("invalid_api_key");
    expect(await ask("sk-new")).toBe("invalid_api_key");
    expect(asked).toHaveLength(1);
    know("sk-new");
    identity.forget(keyId("key of sk-new"));
    expect(await ask("sk-new")).toBe("accepted");
  });

  test("however many there are, pushes no known one out", async () => {
    know("sk-a");
    await ask("sk-a");
    for (let number = 0; number < 12_000; number += 1) await ask(`guess ${number}`);
    asked.length = 0;
    await ask("sk-a");
    expect(asked).toHaveLength(0);
  });
});
