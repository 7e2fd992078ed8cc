import { describe, expect, test } from "bun:test";
import { addressRange, isPublicAddress } from "./addresses.ts";
import { createAllowance } from "./allowance.ts";

describe("addresses", () => {
  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b::808:808",
  ])("%s is on the open internet", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
    "not an address",
    "",
  ])("%s is not", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test("ranges end at their last bit", () => {
    const inside = createAllowance(["10.1.0.0/20", "fd00::/8", "::ffff:10.9.0.1"]);
    expect(inside.permits("10.1.15.255", 9_000)).toBe(true);
    expect(inside.permits("10.1.16.0", 9_000)).toBe(false);
    expect(inside.permits("fdff::1", 9_000)).toBe(true);
    expect(inside.permits("fe00::1", 9_000)).toBe(false);
    expect(inside.permits("10.9.0.1", 1)).toBe(true);
    expect(createAllowance(["0.0.0.0/0"]).permits("127.0.0.1", 22)).toBe(true);
    for (const text of ["10.0.0.0/33", "10.0.0.0/8/8", "10.0.0", "fd00::/129", "10.0.0.0/x"]) {
      expect([text, addressRange(text)]).toEqual([text, undefined]);
    }
  });

  test("hosts are allowed by name, by name and port, and by what they are below", () => {
    const allowance = createAllowance(["Minio.internal", "localhost:9000", "*.svc.local"]);
    const isNamed = (url: string) => allowance.isNamed(new URL(url));
    expect(isNamed("http://minio.internal:1234/")).toBe(true);
    expect(isNamed("http://minio.internal./")).toBe(true);
    expect(isNamed("http://localhost:9000/x")).toBe(true);
    expect(isNamed("http://localhost:9001/x")).toBe(false);
    expect(isNamed("http://a.b.svc.local/")).toBe(true);
    expect(isNamed("http://svc.local/")).toBe(false);
    expect(isNamed("http://evilsvc.local/")).toBe(false);
  });
});
