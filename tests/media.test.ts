import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { Server } from "bun";
import { png } from "../src/media/testing/picture.ts";
import { type Client, type Gateway, startGateway } from "./gateway.ts";
import { startMockS3 } from "./mock-s3.ts";

/** Pictures and webhooks as a client has them: a real gateway, a real disk, a receiver of its own. */
let gateway: Gateway;
let client: Client;
let receiver: Server<undefined>;
const received: { readonly headers: Headers; readonly body: string }[] = [];

interface MediaView {
  readonly id: string;
  readonly url: string;
  readonly content_type: string;
  readonly bytes: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly sha256: string;
  readonly expires_at: number;
}

beforeAll(async () => {
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      received.push({ headers: request.headers, body: await request.text() });
      return new Response("thanks");
    },
  });
  gateway = await startGateway({
    server: {
      fetch: { allow: [`127.0.0.1:${receiver.port}`] },
      media: { maxBytes: "1MiB", tenantBytes: "4MiB" },
    },
  });
  client = await gateway.client("1");
}, 60_000);
afterAll(async () => {
  await gateway.dispose();
  await receiver.stop(true);
}, 60_000);

const upload = (
  body: NonNullable<ConstructorParameters<typeof Response>[0]>,
  key = client.key,
  headers: Record<string, string> = {},
) =>
  fetch(`${gateway.url}/v1/media`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, ...headers },
    body,
  });
const picture = png(40, 20, 9).slice();
const uploaded = async (bytes: Uint8Array<ArrayBuffer> = picture): Promise<MediaView> =>
  (await (await upload(bytes)).json()) as MediaView;
const codeOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; param: string | null } }).error.code;

describe("an upload", () => {
  test("is answered with what it is and where it is to be had", async () => {
    const response = await upload(picture, client.key, { "content-type": "text/html" });
    expect(response.status).toBe(201);
    const view = (await response.json()) as MediaView;
    expect(view).toMatchObject({ content_type: "image/png", width: 40, height: 20, bytes: picture.length });
    expect(view.id).toMatch(/^med_[a-z0-9]{24}$/);
    expect(view.url).toStartWith(`${gateway.url}/v1/media/${view.id}?expires=`);
    const days = (view.expires_at - Date.now() / 1_000) / 86_400;
    expect(Math.round(days)).toBe(30);
  });

  test("may be a file of a form", async () => {
    const form = new FormData();
    form.set("purpose", "vision");
    form.set("file", new Blob([picture], { type: "image/jpeg" }), "cat.jpg");
    const response = await upload(form);
    expect([response.status, ((await response.json()) as MediaView).content_type]).toEqual([
      201,
      "image/png",
    ]);
    const empty = new FormData();
    empty.set("file", "no file");
    expect(await codeOf(await upload(empty))).toBe("invalid_request");
    const broken = await upload("nonsense", client.key, {
      "content-type": "multipart/form-data; boundary=x",
    });
    expect([broken.status, await codeOf(broken)]).toEqual([400, "invalid_request"]);
  });

  test("that is no picture, too large, or beyond the tenant's room is refused", async () => {
    for (const text of ["<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "<html>", "", "%PDF"]) {
      const response = await upload(text);
      expect([text, response.status, await codeOf(response)]).toEqual([text, 400, "invalid_request"]);
    }
    const large = Buffer.concat([picture, Buffer.alloc(1024 * 1024)]);
    expect(await codeOf(await upload(large))).toBe("payload_too_large");
    const form = new FormData();
    form.set("file", new Blob([Buffer.concat([large, large])]), "x.png");
    expect(await codeOf(await upload(form))).toBe("payload_too_large");
    const streamed = new Blob([large.subarray(0, 1_000), large.subarray(1_000)]).stream();
    expect(await codeOf(await upload(streamed))).toBe("payload_too_large");
    const other = await gateway.client("1");
    const some = (fill: number) => Buffer.concat([picture, Buffer.alloc(900 * 1024, fill)]);
    const statuses: number[] = [];
    for (let fill = 0; fill < 5; fill++) statuses.push((await upload(some(fill), other.key)).status);
    expect(statuses).toEqual([201, 201, 201, 201, 413]);
  });
});

describe("a link", () => {
  test("opens the picture without a key, for any cache to keep until it expires", async () => {
    const { url, sha256 } = await uploaded();
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.bytes()).equals(Buffer.from(picture))).toBe(true);
    const { headers } = response;
    expect(headers.get("content-type")).toBe("image/png");
    expect(headers.get("content-length")).toBe(String(picture.length));
    expect(headers.get("etag")).toBe(`"${sha256}"`);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-disposition")).toMatch(/^inline; filename="med_\w+\.png"$/);
    const [, seconds] = /^public, max-age=(\d+), immutable$/.exec(headers.get("cache-control") ?? "") ?? [];
    expect(Math.round(Number(seconds) / 86_400)).toBe(30);
    expect((await fetch(`${url}&download`)).headers.get("content-disposition")).toStartWith("attachment; ");
  });

  test("that was changed, or belongs to another picture, opens nothing, with a key neither", async () => {
    const one = new URL((await uploaded()).url);
    const two = new URL((await uploaded(png(3, 3).slice())).url);
    const changed: URL[] = [];
    for (const change of [
      (url: URL) => url.searchParams.set("expires", String(Number(url.searchParams.get("expires")) + 1)),
      (url: URL) => url.searchParams.set("signature", two.searchParams.get("signature") ?? ""),
      (url: URL) => url.searchParams.set("signature", ""),
      (url: URL) => url.searchParams.delete("signature"),
      (url: URL) => {
        url.pathname = two.pathname;
      },
    ]) {
      const url = new URL(one);
      change(url);
      changed.push(url);
    }
    for (const url of changed) {
      const response = await fetch(url, { headers: { authorization: `Bearer ${client.key}` } });
      expect([url.search, response.status, await codeOf(response)]).toEqual([
        url.search,
        403,
        "permission_denied",
      ]);
    }
  });

  test("is not needed by its tenant's key, and another tenant's finds nothing", async () => {
    const { id, url } = await uploaded();
    const mine = await client.get(`/v1/media/${id}`);
    expect([mine.status, mine.headers.get("cache-control")?.split(",")[0]]).toEqual([200, "private"]);
    const other = await gateway.client("1");
    expect((await other.get(`/v1/media/${id}`)).status).toBe(404);
    const remove = (key: string) =>
      fetch(`${gateway.url}/v1/media/${id}`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${key}` },
      });
    expect((await remove(other.key)).status).toBe(404);
    expect(await (await remove(client.key)).json()).toEqual({ id, object: "media", deleted: true });
    expect((await fetch(url)).status).toBe(404);
    expect((await client.get(`/v1/media/${id}`)).status).toBe(404);
    const scoped = await gateway.client("1", { scopes: ["chat"] });
    expect((await scoped.get(`/v1/media/${id}`)).status).toBe(403);
  });
});

describe("HTTP", () => {
  test("parts, tags and HEAD are as HTTP has them", async () => {
    const { url, sha256 } = await uploaded();
    const etag = `"${sha256}"`;
    const ask = (headers: Record<string, string>, method = "GET") => fetch(url, { method, headers });
    for (const [range, from, to] of [
      ["bytes=0-9", 0, 10],
      ["bytes=10-", 10, picture.length],
      ["bytes=-5", picture.length - 5, picture.length],
      [`bytes=20-${picture.length + 100}`, 20, picture.length],
    ] as const) {
      const part = await ask({ range });
      expect([range, part.status]).toEqual([range, 206]);
      expect(part.headers.get("content-range")).toBe(`bytes ${from}-${to - 1}/${picture.length}`);
      expect([...(await part.bytes())]).toEqual([...picture.slice(from, to)]);
    }
    for (const range of [`bytes=${picture.length}-`, "bytes=-0"]) {
      const none = await ask({ range });
      expect([none.status, none.headers.get("content-range")]).toEqual([416, `bytes */${picture.length}`]);
    }
    for (const range of ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"])
      expect([range, (await ask({ range })).status]).toEqual([range, 200]);
    expect((await ask({ range: "bytes=0-1", "if-range": '"other"' })).status).toBe(200);
    expect((await ask({ range: "bytes=0-1", "if-range": etag })).status).toBe(206);
    for (const tags of [etag, `"x", W/${etag}`, "*"]) {
      const known = await ask({ "if-none-match": tags });
      expect([tags, known.status, (await known.bytes()).length]).toEqual([tags, 304, 0]);
      expect(known.headers.get("etag")).toBe(etag);
    }
    expect((await ask({ "if-none-match": '"other"' })).status).toBe(200);
    const head = await ask({}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(picture.length)]);
    expect((await head.bytes()).length).toBe(0);
  });

  test("a picture is had in another form and size, by the same link", async () => {
    const { url, id } = await uploaded();
    const made = await fetch(`${url}&format=webp&w=20&h=20`);
    expect([made.status, made.headers.get("content-type")]).toEqual([200, "image/webp"]);
    expect(await new Bun.Image(await made.bytes()).metadata()).toEqual({
      width: 20,
      height: 10,
      format: "webp",
    });
    const etag = made.headers.get("etag") ?? "";
    const again = await fetch(`${url}&format=webp&w=20&h=20`, { headers: { "if-none-match": etag } });
    expect(again.status).toBe(304);
    const part = await fetch(`${url}&format=jpg&q=50`, { headers: { range: "bytes=0-1" } });
    expect([part.status, [...(await part.bytes())]]).toEqual([206, [0xff, 0xd8]]);
    // Never larger than it is.
    const small = await client.get(`/v1/media/${id}?w=4000`);
    expect(await new Bun.Image(await small.bytes()).metadata()).toMatchObject({ width: 40, height: 20 });
    for (const [query, param] of [
      ["format=avif", "format"],
      ["w=0", "w"],
      ["h=5000", "h"],
      ["q=101", "q"],
      ["w=1e3", "w"],
    ]) {
      const refused = await fetch(`${url}&${query}`);
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: { code: "invalid_request", param: param ?? "" } });
    }
    const sound = await uploaded(Buffer.concat([Buffer.from("ID3"), Buffer.alloc(100)]));
    expect(sound).toMatchObject({ content_type: "audio/mpeg", width: null });
    expect((await fetch(`${sound.url}&w=10`)).status).toBe(400);
  });

  test("what is kept outlives the process", async () => {
    const { url } = await uploaded();
    await gateway.stop();
    await gateway.restart();
    expect((await fetch(url)).status).toBe(200);
  }, 60_000);
});

test("with an S3 store the bytes are there, under links of the public URL", async () => {
  const s3 = startMockS3();
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  const inStore = await startGateway(
    { server: { publicUrl: "https://ai.example.com", media: { s3: { endpoint, bucket, prefix: "one" } } } },
    { SLUICE_MEDIA_S3_ACCESS_KEY_ID: accessKeyId, SLUICE_MEDIA_S3_SECRET_ACCESS_KEY: secretAccessKey },
  );
  try {
    const { key } = await inStore.client("1");
    const authorization = `Bearer ${key}`;
    const sent = await fetch(`${inStore.url}/v1/media`, {
      method: "POST",
      headers: { authorization },
      body: picture,
    });
    const { url, sha256 } = (await sent.json()) as MediaView;
    expect([...s3.objects.keys()]).toEqual([`one/${sha256}`]);
    expect(url).toStartWith("https://ai.example.com/v1/media/med_");
    const here = url.replace("https://ai.example.com", inStore.url);
    const part = await fetch(here, { headers: { range: "bytes=1-3" } });
    expect([part.status, await part.text()]).toEqual([206, "PNG"]);
    expect(inStore.log()).not.toContain(secretAccessKey);
    s3.isDown = true;
    const away = await fetch(here);
    expect([away.status, await codeOf(away)]).toEqual([503, "overloaded"]);
  } finally {
    await inStore.dispose();
    await s3.stop();
  }
}, 60_000);

describe("webhooks", () => {
  interface DeliveryView {
    readonly id: string;
    readonly state: string;
    readonly attempts: number;
    readonly last_status: number | null;
    readonly last_error: string | null;
  }
  const json = async <Answer>(response: Promise<Response>) => (await (await response).json()) as Answer;
  const settled = async (id: string): Promise<DeliveryView> => {
    for (;;) {
      const { data } = await json<{ data: DeliveryView[] }>(client.get("/v1/webhooks/deliveries"));
      const found = data.find((one) => one.id === id);
      if (found !== undefined && (found.state !== "pending" || found.last_error !== null)) return found;
      await Bun.sleep(20);
    }
  };

  test("a test arrives, signed with the tenant's secret, and can be sent again under the same id", async () => {
    const url = `http://127.0.0.1:${receiver.port}/hook`;
    const { secret } = await json<{ secret: string }>(client.get("/v1/webhooks/secret"));
    const sent = await client.post("/v1/webhooks/test", { url });
    expect(sent.status).toBe(202);
    const { id } = (await sent.json()) as DeliveryView;
    expect(await settled(id)).toMatchObject({ state: "delivered", attempts: 1, last_status: 200 });
    const [first] = received;
    const { headers, body } = first ?? { headers: new Headers(), body: "" };
    const text = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    const right = createHmac("sha256", key).update(text).digest("base64");
    expect(headers.get("webhook-signature")).toBe(`v1,${right}`);
    expect(JSON.parse(body)).toMatchObject({ type: "webhook.test", data: {} });
    expect((await client.post(`/v1/webhooks/deliveries/${id}/resend`, {})).status).toBe(202);
    while (received.length < 2) await Bun.sleep(20);
    expect(received[1]?.headers.get("webhook-id")).toBe(id);
    const rotated = await json<{ secret: string }>(client.post("/v1/webhooks/secret", {}));
    expect(rotated.secret).not.toBe(secret);
  });

  test("a target inside is tried and told as unreachable, whatever is there", async () => {
    const sent = await client.post("/v1/webhooks/test", { url: gateway.url });
    const { id } = (await sent.json()) as DeliveryView;
    const found = await settled(id);
    expect([found.state, found.last_status]).toEqual(["pending", null]);
    expect(found.last_error).not.toContain("127.0.0.1");
    const listed = await client.get("/v1/webhooks/deliveries?state=pending&limit=1");
    expect(await listed.json()).toMatchObject({ has_more: false, data: [{ id }] });
  });

  test("another tenant sees none of it, and what is asked wrongly is told", async () => {
    const other = await gateway.client("1");
    const { data } = await json<{ data: DeliveryView[] }>(other.get("/v1/webhooks/deliveries"));
    expect(data).toEqual([]);
    const mine = await json<{ data: DeliveryView[] }>(client.get("/v1/webhooks/deliveries"));
    const foreign = await other.post(`/v1/webhooks/deliveries/${mine.data[0]?.id}/resend`, {});
    expect(foreign.status).toBe(404);
    for (const query of ["limit=0", "limit=101", "state=lost"])
      expect((await client.get(`/v1/webhooks/deliveries?${query}`)).status).toBe(400);
    for (const body of [{}, { url: "ftp://example.com" }, { url: "http://a:b@example.com" }])
      expect((await client.post("/v1/webhooks/test", body)).status).toBe(400);
  });
});
