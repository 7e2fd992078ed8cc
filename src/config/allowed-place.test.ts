import { expect, test } from "bun:test";
import { allowedPlace } from "./allowed-place.ts";

test("an entry that can be none is told apart", () => {
  for (const entry of [
    "10.0.0.0/8",
    "::1",
    "minio",
    "minio:9000",
    "*.svc.local",
    "[::1]:9000",
    "127.0.0.1:80",
  ])
    expect([entry, allowedPlace.safeParse(entry).success]).toEqual([entry, true]);
  for (const entry of ["", "http://minio", "*", "a b", "10.0.0.0/40", "999.1.1.1", "a..b"])
    expect([entry, allowedPlace.safeParse(entry).success]).toEqual([entry, false]);
});
