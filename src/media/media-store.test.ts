import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type MockS3, startMockS3 } from "../../tests/mock-s3.ts";
import { SluiceError } from "../core/errors.ts";
import { mediaId, tenantId } from "../core/ids.ts";
import { ZERO } from "../core/points.ts";
import { createTenants } from "../ledger/tenants.ts";
import { tenant } from "../ledger/testing/small-ledger.ts";
import { OutboundError } from "../outbound/outbound.ts";
import { MOST_FORMS } from "./forms.ts";
import { formOf } from "./pictures.ts";
import { type MediaWorld, mediaWorld } from "./testing/media-world.ts";
import { bomb, png } from "./testing/picture.ts";

const other = tenantId("other");
let s3: MockS3;
let world: MediaWorld;
beforeEach(() => {
  s3 = startMockS3();
});
afterEach(async () => {
  await world.drop();
  await s3.stop();
});

async function open(kind: "disk" | "S3", settings: Parameters<typeof mediaWorld>[0] = {}): Promise<void> {
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  const store = { endpoint, bucket, accessKeyId, secretAccessKey, prefix: "sluice/media" };
  world = await mediaWorld({ ...(kind === "S3" ? { s3: store } : {}), ...settings });
  await createTenants(world.ledger.sql).create({ id: other, name: "Other", tier: "normal", overdraft: ZERO });
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.code;
    if (thrown instanceof OutboundError) return thrown.reason;
    throw thrown;
  }
  return "none";
}

const expireAll = () => world.ledger.sql`update media set expires_at = now() - interval '1 second'`;
const ageClaims = () => world.ledger.sql`update media_object set claimed_at = now() - interval '2 hours'`;
const objectRows = async () =>
  (await world.ledger.sql<{ refs: number }[]>`select refs from media_object`).map(({ refs }) => refs);
/** How many things are stored, wherever that is. */
const stored = async () => (s3.objects.size > 0 ? s3.objects.size : (await world.files()).length);
const streamOf = (bytes: Uint8Array) => new Blob([bytes.slice()]).stream();

describe.each(["disk", "S3"] as const)("on %s", (kind) => {
  test("JSON lines are kept where they are expected, by their name, and listed for their tenant alone", async () => {
    await open(kind);
    const lines = (text: string) => new TextEncoder().encode(text);
    const keep = (who: typeof tenant, text: string, name: string) =>
      world.store.keep(who, lines(text), { source: "upload", kind: "lines", name });
    const first = await keep(tenant, '\ufeff {"a":1}\n', "first.jsonl");
    expect(first).toMatchObject({ contentType: "application/jsonl", name: "first.jsonl", width: undefined });
    const second = await keep(tenant, '{"a":2}', "second.jsonl");
    await keep(other, '{"a":1}', "other.jsonl");
    await world.store.keep(tenant, png(3, 2), { source: "upload" });
    const which = { contentType: "application/jsonl", most: 10 };
    expect(await world.store.list(tenant, which)).toEqual([second, first]);
    expect(await world.store.list(tenant, { ...which, after: second.id })).toEqual([first]);
    expect(await world.store.list(tenant, { ...which, most: 1 })).toEqual([second]);
    expect(await refusal(keep(tenant, "<script>", "x.jsonl"))).toBe("invalid_request");
    expect(await refusal(world.store.keep(tenant, lines('{"a":1}'), { source: "upload" }))).toBe(
      "invalid_request",
    );
    await expireAll();
    expect(await world.store.list(tenant, which)).toEqual([]);
  });

  test("what was kept is read again, whole and in pieces, with what it is", async () => {
    await open(kind);
    const bytes = png(30, 20);
    const media = await world.store.keep(tenant, streamOf(bytes), { source: "result" });
    expect(media).toMatchObject({ contentType: "image/png", width: 30, height: 20, bytes: bytes.length });
    expect(media.hash).toBe(new Bun.CryptoHasher("sha256").update(bytes).digest("hex"));
    expect(await world.store.find(tenant, media.id)).toEqual(media);
    expect(await world.store.find(other, media.id)).toBeUndefined();
    expect(Buffer.from(await world.store.bytes(media)).equals(Buffer.from(bytes))).toBe(true);
    const piece = await new Response(await world.store.read(media, 3, 9)).bytes();
    expect([...piece]).toEqual([...bytes.slice(3, 9)]);
    // Nothing is left in the staging.
    expect(await stored()).toBe(1);
  });

  test("a large file is kept in a stream", async () => {
    await open(kind);
    const bytes = Buffer.concat([png(3, 3), Buffer.alloc(12 * 1024 * 1024, 7)]);
    const media = await world.store.keep(tenant, streamOf(bytes), { source: "result" });
    const read = await world.store.bytes(media);
    expect(new Bun.CryptoHasher("sha256").update(read).digest("hex")).toBe(media.hash);
  });

  test("the same bytes are stored once, and go with the last who has them", async () => {
    await open(kind);
    const bytes = png(8, 8);
    const options = { source: "upload" } as const;
    const keeps = [tenant, other, tenant].map((who) => world.store.keep(who, bytes, options));
    const [one, two, three] = await Promise.all(keeps);
    expect(new Set([one?.id, two?.id, three?.id]).size).toBe(3);
    expect([await stored(), await objectRows()]).toEqual([1, [3]]);
    expect(await world.store.remove(other, one?.id ?? mediaId(""))).toBe(false);
    for (const media of [one, three])
      expect(await world.store.remove(tenant, media?.id ?? mediaId(""))).toBe(true);
    await ageClaims();
    await world.upkeep.round();
    expect([await stored(), await objectRows()]).toEqual([1, [1]]);
    await expireAll();
    await world.upkeep.round();
    expect([await stored(), await objectRows()]).toEqual([0, []]);
    // And it can be kept again.
    const again = await world.store.keep(tenant, bytes, options);
    expect((await world.store.bytes(again)).length).toBe(bytes.length);
  });

  test("what somebody is about to store again is not removed under their hands", async () => {
    await open(kind);
    const bytes = png(9, 9);
    const media = await world.store.keep(tenant, bytes, { source: "result" });
    await world.store.remove(tenant, media.id);
    await ageClaims();
    await world.rows.claim(media.hash, media.bytes);
    await world.upkeep.round();
    expect(await stored()).toBe(1);
  });

  test("forms are made once, kept within a bound, and go with the picture", async () => {
    await open(kind);
    const media = await world.store.keep(tenant, png(64, 32), { source: "result" });
    const form = { format: "webp", width: 16, quality: 80 } as const;
    const first = await world.forms.read(media, form);
    expect(await new Bun.Image(first.bytes).metadata()).toEqual({ width: 16, height: 8, format: "webp" });
    expect(await stored()).toBe(2);
    expect(Buffer.from((await world.forms.read(media, form)).bytes).equals(Buffer.from(first.bytes))).toBe(
      true,
    );
    for (let width = 1; width <= MOST_FORMS + 3; width++) await world.forms.read(media, { ...form, width });
    expect(await world.rows.variants(media.hash)).toBe(MOST_FORMS);
    expect(await stored()).toBe(1 + MOST_FORMS);
    await expireAll();
    await ageClaims();
    await world.upkeep.round();
    expect(await stored()).toBe(0);
  });
});

describe("what is refused", () => {
  test("what is neither picture nor sound, whatever it is called, and leaves nothing behind", async () => {
    await open("disk");
    for (const text of ["<html>", "<svg xmlns='http://www.w3.org/2000/svg'/>", "%PDF-1.7", "MZ", ""]) {
      const work = world.store.keep(tenant, Buffer.from(text), { source: "upload" });
      expect(await refusal(work)).toBe("invalid_request");
    }
    expect([await stored(), await objectRows()]).toEqual([0, []]);
  });

  test("what is too large, and uploads beyond the tenant's room", async () => {
    await open("disk", { maxBytes: 2_000, tenantBytes: 3_000 });
    const large = Buffer.concat([png(2, 2), Buffer.alloc(2_000)]);
    expect(await refusal(world.store.keep(tenant, streamOf(large), { source: "result" }))).toBe(
      "payload_too_large",
    );
    const some = (fill: number) => Buffer.concat([png(2, 2), Buffer.alloc(900, fill)]);
    const keeps = [1, 2, 3, 4, 5].map((fill) =>
      refusal(world.store.keep(tenant, some(fill), { source: "upload" })),
    );
    expect((await Promise.all(keeps)).toSorted()).toEqual([
      "none",
      "none",
      "none",
      "payload_too_large",
      "payload_too_large",
    ]);
    // A vendor's result is not the client's to have room for.
    expect(await refusal(world.store.keep(tenant, some(6), { source: "result" }))).toBe("none");
    expect(await refusal(world.store.keep(other, some(7), { source: "upload" }))).toBe("none");
    await expireAll();
    await world.upkeep.round();
    expect(await refusal(world.store.keep(tenant, some(8), { source: "upload" }))).toBe("none");
    expect(await stored()).toBeGreaterThan(0);
  });

  test("a picture that would unpack to gigabytes is kept as it is, and never converted", async () => {
    await open("disk");
    const media = await world.store.keep(tenant, bomb(), { source: "upload" });
    expect([media.width, media.height]).toEqual([10_000, 10_000]);
    expect(() => formOf(new URLSearchParams("w=100"), media)).toThrow("more than");
    const form = { format: "webp", width: 10, quality: 80 } as const;
    expect(await refusal(world.forms.read(media, form))).toBe("invalid_request");
  });

  test("a store that is away passes, and nothing is said to be kept", async () => {
    await open("S3");
    s3.isDown = true;
    expect(await refusal(world.store.keep(tenant, png(2, 2), { source: "result" }))).toBe("overloaded");
    s3.isDown = false;
    const media = await world.store.keep(tenant, png(2, 2), { source: "result" });
    s3.isDown = true;
    expect(await refusal(world.store.bytes(media))).toBe("overloaded");
    await world.store.remove(tenant, media.id);
    await ageClaims();
    await expect(world.upkeep.round()).rejects.toThrow();
    expect(await objectRows()).toEqual([0]);
    s3.isDown = false;
    await ageClaims();
    await world.upkeep.round();
    expect([await objectRows(), s3.objects.size]).toEqual([[], 0]);
  });
});

describe("a URL", () => {
  test("is fetched through the guard, and what is behind it is kept", async () => {
    await open("disk");
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) =>
        url.endsWith("/missing")
          ? new Response("no", { status: 404 })
          : new Response(png(5, 4).slice(), { headers: { "content-type": "text/html" } }),
    });
    try {
      const base = `http://127.0.0.1:${server.port}`;
      const media = await world.store.keepUrl(tenant, `${base}/a`, { source: "result" });
      expect(media).toMatchObject({ contentType: "image/png", width: 5, height: 4, source: "result" });
      const keep = (url: string) => refusal(world.store.keepUrl(tenant, url, { source: "input" }));
      expect(await keep(`${base}/missing`)).toBe("unreachable");
      expect(await keep(`http://[::1]:${server.port}/a`)).toBe("forbidden");
    } finally {
      await server.stop(true);
    }
  });
});

test("links open what they name, until they expire, and nothing else", async () => {
  await open("disk");
  const media = await world.store.keep(tenant, png(2, 2), { source: "result" });
  const link = new URL(world.store.link(media, "http://localhost:8080"));
  expect(link.pathname).toBe(`/v1/media/${media.id}`);
  const expires = link.searchParams.get("expires") ?? "";
  const signature = link.searchParams.get("signature") ?? "";
  expect(world.links.verify(media.id, expires, signature)?.expiresAt).toBe(
    Math.floor(media.expiresAt / 1_000) * 1_000,
  );
  expect(world.links.verify(mediaId("med_other"), expires, signature)).toBeUndefined();
  expect(world.links.verify(media.id, String(Number(expires) + 1), signature)).toBeUndefined();
  expect(world.links.verify(media.id, expires, signature.slice(1))).toBeUndefined();
  expect(world.links.verify(media.id, expires, "")).toBeUndefined();
});
