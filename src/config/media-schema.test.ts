import { describe, expect, test } from "bun:test";
import { DEFAULT_MEDIA } from "../core/media-settings.ts";
import { loadConfig } from "./load.ts";
import { ConfigError } from "./problems.ts";

const load = (file: object, env: Record<string, string> = {}) =>
  loadConfig({ env: { SLUICE_CONFIG: "sluice.yaml", ...env }, readFile: () => JSON.stringify(file) });

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof ConfigError)
      return thrown.problems.map(({ path, message }) => `${path} ${message}`);
    throw thrown;
  }
  return [];
}

describe("where pictures are kept", () => {
  test("is the disk unless a store is named", () => {
    const { media, publicUrl, fetchAllow } = load({});
    expect(media).toEqual(DEFAULT_MEDIA);
    expect([publicUrl, fetchAllow]).toEqual([undefined, []]);
  });

  test("is what the file says, and field by field what the environment says instead", () => {
    const { media, publicUrl, fetchAllow } = load(
      {
        server: {
          publicUrl: "https://ai.example.com/",
          fetch: { allow: ["10.0.0.0/8", "minio:9000"] },
          media: {
            s3: { endpoint: "http://minio:9000/", bucket: "pictures", prefix: "/sluice/", accessKeyId: "id" },
            keepFor: "7d",
            linkFor: "1h",
            maxBytes: "20MiB",
            tenantBytes: "5GiB",
          },
        },
      },
      {
        SLUICE_MEDIA_S3_SECRET_ACCESS_KEY: "word",
        SLUICE_MEDIA_KEEP_FOR: "2d",
        SLUICE_MEDIA_MAX_BYTES: "1000",
      },
    );
    expect({ ...media, s3: { ...media.s3 } }).toEqual({
      s3: {
        endpoint: "http://minio:9000",
        bucket: "pictures",
        prefix: "sluice",
        accessKeyId: "id",
        secretAccessKey: "word",
      },
      keepForMs: 2 * 86_400_000,
      linkForMs: 3_600_000,
      maxBytes: 1_000,
      tenantBytes: 5 * 1024 ** 3,
    });
    expect(publicUrl).toBe("https://ai.example.com");
    expect(fetchAllow).toEqual(["10.0.0.0/8", "minio:9000"]);
    expect(JSON.stringify(media)).not.toContain("word");
  });

  test("says what a store lacks, and what cannot be", () => {
    expect(problemsOf(() => load({ server: { media: { s3: { bucket: "pictures" } } } }))).toEqual([
      "server.media.s3.accessKeyId is required",
      "server.media.s3.secretAccessKey is required",
    ]);
    for (const server of [
      { media: { keepFor: "0s" } },
      { media: { linkFor: "forever" } },
      { publicUrl: "https://a:b@example.com" },
      { fetch: { allow: ["http://minio"] } },
    ]) {
      expect(problemsOf(() => load({ server }))).toHaveLength(1);
    }
    expect(problemsOf(() => load({}, { SLUICE_FETCH_ALLOW: "minio,a b" }))).toHaveLength(1);
  });
});
