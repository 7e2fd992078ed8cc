import { expect, test } from "bun:test";
import { SluiceError } from "../core/errors.ts";
import { wishesIn } from "./wishes.ts";

test("wishes are read out of their headers, and absent ones stay open", () => {
  expect(wishesIn(new Headers())).toEqual({});
  expect(wishesIn(new Headers({ "x-sluice-takeover": "before:20", "x-sluice-hedge": "on" }))).toEqual({
    takeover: "before:20",
    hedge: true,
  });
  expect(
    wishesIn(new Headers({ "x-sluice-timeout-first-token": "2s", "x-sluice-timeout-total": "9000" })),
  ).toEqual({ timeouts: { firstTokenMs: 2_000, totalMs: 9_000 } });
  expect(wishesIn(new Headers({ "x-sluice-hedge": "off" }))).toEqual({ hedge: false });
  expect(wishesIn(new Headers({ "x-sluice-detach": "0" }))).toEqual({ detachMs: 0 });
});

test.each([
  ["x-sluice-takeover", "sometimes"],
  ["x-sluice-takeover", ""],
  ["x-sluice-takeover", "before:0"],
  ["x-sluice-hedge", "true"],
  ["x-sluice-timeout-idle", "soon"],
  ["x-sluice-timeout-connect", "0s"],
  ["x-sluice-detach", "1h"],
])("%s: %p is refused", (name, value) => {
  let thrown: unknown;
  try {
    wishesIn(new Headers({ [name]: value }));
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof SluiceError)) throw new Error("was not refused");
  expect([thrown.code, thrown.status, thrown.detail.param]).toEqual(["invalid_request", 400, name]);
});
