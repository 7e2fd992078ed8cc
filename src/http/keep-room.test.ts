import { expect, test } from "bun:test";
import { KeepRoom } from "./keep-room.ts";

test("each answer has its bound, and all of them together", () => {
  const room = new KeepRoom(10, 15);
  const [one, other] = [room.open(), room.open()];
  expect([one.take(10), one.take(1)]).toEqual([true, false]);
  expect(room.takenBytes).toBe(0);
  const next = room.open();
  expect([next.take(8), other.take(7), other.take(1)]).toEqual([true, true, false]);
  expect(room.takenBytes).toBe(8);
  expect(other.take(1)).toBe(false);
  next.leave();
  expect(room.takenBytes).toBe(0);
});
