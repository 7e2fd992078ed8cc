import { describe, expect, test } from "bun:test";
import { readEnvironment } from "./environment.ts";

describe("the environment's settings", () => {
  test("nothing set says nothing", () => {
    expect(readEnvironment({})).toEqual({ server: {}, isProxied: false, problems: [] });
  });

  test("an empty variable counts as not set", () => {
    expect(readEnvironment({ PORT: "", DATABASE_URL: "", SLUICE_ADMIN_KEY: "" }).server).toEqual({});
  });

  test("every documented variable is read", () => {
    const { server, adminKey, problems } = readEnvironment({
      PORT: "9000",
      HOST: "127.0.0.1",
      SLUICE_DATA_DIR: "/var/lib/sluice",
      DATABASE_URL: "postgres://sluice@db/sluice",
      NATS_URL: "nats://a:4222, b:4222",
      REDIS_URL: "rediss://r:6379",
      SLUICE_REGION: "eu-1",
      SLUICE_NODE_ID: "node-7",
      SLUICE_UPSTREAM: "fetch",
      SLUICE_ADMIN_KEY: "adm",
    });
    expect(problems).toEqual([]);
    expect(adminKey).toBe("adm");
    expect(server).toEqual({
      port: 9000,
      host: "127.0.0.1",
      dataDirectory: "/var/lib/sluice",
      databaseUrl: "postgres://sluice@db/sluice",
      natsUrl: "nats://a:4222, b:4222",
      redisUrl: "rediss://r:6379",
      region: "eu-1",
      nodeId: "node-7",
      upstream: "fetch",
    });
  });

  test.each([
    ["PORT", "80a"],
    ["PORT", "70000"],
    ["DATABASE_URL", "mysql://hunter2@db"],
    ["NATS_URL", "http://hunter2"],
    ["REDIS_URL", "hunter2:6379"],
    ["SLUICE_REGION", "hunter2 "],
    ["SLUICE_NODE_ID", "hunter2.x"],
    ["SLUICE_UPSTREAM", "hunter2"],
    ["SLUICE_MASTER_SECRET", "hunter2"],
    ["SLUICE_ADMIN_KEY", "hunter2\n"],
  ])("%s=%j is a problem that names the variable and not its value", (name, value) => {
    const { problems } = readEnvironment({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ source: "environment", path: name });
    expect(problems[0]?.message).not.toContain("hunter2");
  });

  test("a master secret is 32 bytes in hex, base64 or its URL form", () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);
    const buffer = Buffer.from(bytes);
    for (const text of [buffer.toString("hex"), buffer.toString("base64"), buffer.toString("base64url")]) {
      expect(readEnvironment({ SLUICE_MASTER_SECRET: text }).masterSecret).toEqual(bytes);
    }
    expect(readEnvironment({ SLUICE_MASTER_SECRET: "00".repeat(31) }).masterSecret).toBeUndefined();
  });
});
