import { isIPv4, isIPv6 } from "node:net";

/** Which addresses are on the open internet: by IANA's special-purpose registries for IPv4 and IPv6. */

/** First address and length of a range, as bits of 4 or 16 bytes. */
export interface AddressRange {
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

const INSIDE_IPV4 = [
  "0.0.0.0/8", // "this network"
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT, and Alibaba's metadata (100.100.100.200)
  "127.0.0.0/8",
  "168.63.129.16/32", // Azure's host, on every machine there
  "169.254.0.0/16", // link-local, and the metadata of most clouds (169.254.169.254)
  "172.16.0.0/12",
  "192.0.0.0/24", // protocol assignments, and Oracle's metadata (192.0.0.192)
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
].map(knownRange);

/** Everything else in IPv6 is no unicast, or is for some inside: loopback, link-local, unique local (fc00::/7). */
const UNICAST_IPV6 = knownRange("2000::/3");
const INSIDE_IPV6 = [
  "2001::/23", // protocol assignments; Teredo carries an IPv4 address of which nobody knows
  "2001:db8::/32",
  "2002::/16", // 6to4
  "3fff::/20",
].map(knownRange);

/** Forms of an IPv4 address: mapped, and through a NAT64. What counts is the address within. */
const CARRYING_IPV4 = ["::ffff:0:0/96", "64:ff9b::/96"].map(knownRange);

/** Whether an address is on the open internet. Anything that is no address is not. */
export function isPublicAddress(address: string): boolean {
  const bytes = addressBytes(address);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return !INSIDE_IPV4.some((range) => isWithin(range, bytes));
  return isWithin(UNICAST_IPV6, bytes) && !INSIDE_IPV6.some((range) => isWithin(range, bytes));
}

/** 4 or 16 bytes; an IPv4 address in an IPv6 form is its 4 bytes. Undefined: no address. */
export function addressBytes(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split("."), Number);
  const bytes = ipv6Bytes(address);
  if (bytes === undefined) return undefined;
  return CARRYING_IPV4.some((range) => isWithin(range, bytes)) ? bytes.subarray(12) : bytes;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; undefined for anything else. */
export function addressRange(text: string): AddressRange | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bytes = addressBytes(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { bytes, prefix: bytes.length * 8 };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bytes.length * 8) return undefined;
  return { bytes, prefix: Number(length) };
}

/** Whether an address is in a range; one of another family never is. */
export function isWithin({ bytes, prefix }: AddressRange, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  const whole = prefix >> 3;
  for (let index = 0; index < whole; index++) if (bytes[index] !== address[index]) return false;
  const mask = (0xff00 >> (prefix & 7)) & 0xff;
  return ((bytes[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}

/** The ranges above, read as they stand: those that carry an IPv4 address must not be taken for one. */
function knownRange(text: string): AddressRange {
  const [address = "", length] = text.split("/");
  const bytes = isIPv4(address) ? Uint8Array.from(address.split("."), Number) : ipv6Bytes(address);
  if (bytes === undefined) throw new Error(`${text} is no range`);
  return { bytes, prefix: Number(length) };
}

function ipv6Bytes(address: string): Uint8Array | undefined {
  // A zone (`fe80::1%eth0`) names an interface of this machine.
  if (!isIPv6(address) || address.includes("%")) return undefined;
  const [head = "", tail] = address.split("::");
  const first = groupsOf(head);
  const last = groupsOf(tail ?? "");
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array.from({ length: gap }, () => 0), ...last];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** `2001:db8`, `ffff:127.0.0.1`: numbers of 16 bits. */
function groupsOf(text: string): number[] {
  return text
    .split(":")
    .filter((part) => part !== "")
    .flatMap((part) => {
      if (!part.includes(".")) return [Number.parseInt(part, 16)];
      const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
      return [(a << 8) | b, (c << 8) | d];
    });
}
