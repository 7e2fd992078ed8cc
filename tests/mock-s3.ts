import { createHash, createHmac } from "node:crypto";

/** A small store that speaks S3's protocol: one bucket by path, signatures (version 4) checked, files in parts. */
export interface MockS3 {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** By key. */
  readonly objects: Map<string, { readonly bytes: Uint8Array; readonly type: string }>;
  /** Requests as `PUT key`. */
  readonly calls: string[];
  /** While true, everything is answered with 503. */
  isDown: boolean;
  stop(): Promise<void>;
}

export function startMockS3(): MockS3 {
  const [bucket, accessKeyId, secretAccessKey] = ["pictures", "AKIDMOCK", "mock/secret+word"];
  const objects: MockS3["objects"] = new Map();
  const uploads = new Map<string, { readonly type: string; readonly parts: Map<number, Uint8Array> }>();
  const calls: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: 1024 ** 3,
    async fetch(request) {
      if (mock.isDown) return failure(503, "SlowDown");
      if (!isSigned(request, accessKeyId, secretAccessKey)) return failure(403, "SignatureDoesNotMatch");
      const url = new URL(request.url);
      const [, first, ...rest] = decodeURIComponent(url.pathname).split("/");
      if (first !== bucket) return failure(404, "NoSuchBucket");
      const key = rest.join("/");
      calls.push(`${request.method} ${key}`);
      return answer(request, key, url.searchParams);
    },
  });

  async function answer(request: Request, key: string, query: URLSearchParams): Promise<Response> {
    const upload = query.get("uploadId");
    const type = request.headers.get("content-type") ?? "";
    if (request.method === "POST" && query.has("uploads")) {
      const id = `upload-${uploads.size}`;
      uploads.set(id, { type, parts: new Map() });
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (request.method === "PUT") {
      const bytes = await request.bytes();
      if (upload === null) objects.set(key, { bytes, type });
      else uploads.get(upload)?.parts.set(Number(query.get("partNumber")), bytes);
      return new Response(null, { headers: { etag: `"${createHash("md5").update(bytes).digest("hex")}"` } });
    }
    if (request.method === "POST" && upload !== null) {
      const { parts, type: kind } = uploads.get(upload) ?? { parts: new Map<number, Uint8Array>(), type: "" };
      const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
      objects.set(key, { bytes: Buffer.concat(inOrder), type: kind });
      return xml("<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>");
    }
    if (request.method === "DELETE") {
      objects.delete(key);
      return new Response(null, { status: 204 });
    }
    return stored(request, objects.get(key));
  }

  const mock: MockS3 = {
    endpoint: `http://127.0.0.1:${server.port}`,
    bucket,
    accessKeyId,
    secretAccessKey,
    objects,
    calls,
    isDown: false,
    stop: () => server.stop(true),
  };
  return mock;
}

function stored(request: Request, object: { bytes: Uint8Array; type: string } | undefined): Response {
  if (object === undefined) return failure(404, "NoSuchKey");
  const { bytes, type } = object;
  const headers = { "content-type": type, etag: '"x"', "last-modified": new Date(0).toUTCString() };
  if (request.method === "HEAD")
    return new Response(null, { headers: { ...headers, "content-length": String(bytes.length) } });
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
  if (from === undefined) return new Response(bytes.slice(), { headers });
  const piece = bytes.slice(Number(from), to === "" || to === undefined ? undefined : Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + piece.length - 1}/${bytes.length}`;
  return new Response(piece, { status: 206, headers: { ...headers, "content-range": range } });
}

/** AWS Signature Version 4, in the header: the hash of the canonical request under the derived key. */
function isSigned(request: Request, accessKeyId: string, secretAccessKey: string): boolean {
  const authorization = request.headers.get("authorization") ?? "";
  const [, credential = "", names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  const [id, date = "", region = "", service = "", end = ""] = credential.split("/");
  if (id !== accessKeyId) return false;
  const url = new URL(request.url);
  const query = [...url.search.slice(1).split("&")]
    .filter((pair) => pair !== "")
    .map((pair) => (pair.includes("=") ? pair : `${pair}=`))
    .sort()
    .join("&");
  const headers = names.split(";").map((name) => `${name}:${(request.headers.get(name) ?? "").trim()}\n`);
  const body = request.headers.get("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD";
  const canonical = [request.method, url.pathname, query, headers.join(""), names, body].join("\n");
  const scope = [date, region, service, end].join("/");
  const text = ["AWS4-HMAC-SHA256", request.headers.get("x-amz-date"), scope, sha256(canonical)].join("\n");
  const key = [date, region, service, end].reduce<Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  return createHmac("sha256", key).update(text).digest("hex") === signature;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const xml = (body: string): Response =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?>${body}`, {
    headers: { "content-type": "application/xml" },
  });
const failure = (status: number, code: string): Response =>
  new Response(
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    {
      status,
      headers: { "content-type": "application/xml" },
    },
  );
