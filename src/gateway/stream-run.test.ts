import { expect, test } from "bun:test";
import { MAX_FRAME_BYTES } from "../core/limits.ts";
import { nextOf } from "../core/poll.ts";
import type { Generation } from "./gateway.ts";
import { createRunWorld, DONE, delta, FINISH, USAGE } from "./testing/run-world.ts";

async function readAll(generation: Generation): Promise<void> {
  if (generation.kind !== "stream") throw new Error("not a stream");
  while ((await nextOf(generation)) !== null);
}

test("a stream's record tells by which tier its vendor served, as a whole answer's does", async () => {
  const world = createRunWorld();
  const served = USAGE.replace('"choices":[]', '"choices":[],"service_tier":"flex"');
  world.say(delta("a") + FINISH + served + DONE);
  world.end();
  await readAll(await world.stream());
  expect(world.booked[0]?.usage.serviceTier).toBe("flex");
});

test("a vendor that tells its usage without end and says nothing is given up where events are asked for, too", async () => {
  const world = createRunWorld();
  const half = USAGE.repeat(Math.ceil(MAX_FRAME_BYTES / 2 / USAGE.length) + 1);
  world.say(half);
  world.say(half);
  const stream = world.chat({ stream: true }, { mode: "events" });
  expect(await stream.catch((thrown) => thrown.code)).toBe("vendor_unavailable");
  expect(world.held).toMatchObject({ holds: 0, tickets: 0 });
});
