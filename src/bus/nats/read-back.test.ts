import { expect, test } from "bun:test";
import { requireSettings } from "./read-back.ts";

test("settings that a server kept pass, one that it left out or changed is named", () => {
  const got = { max_age: 5, num_replicas: 1 };
  expect(() => requireSettings("bucket x", { max_age: 5 }, got)).not.toThrow();
  expect(() => requireSettings("bucket x", { max_age: 5, num_replicas: 3 }, got)).toThrow(
    "NATS made the bucket x otherwise than it was asked for: num_replicas is 1, not 3.",
  );
  const wanted: { num_replicas: number; allow_direct?: boolean } = { num_replicas: 1, allow_direct: true };
  expect(() => requireSettings("bucket x", wanted, { num_replicas: 1 })).toThrow("allow_direct is undefined");
});
