import { type AddressRange, addressBytes, addressRange, isPublicAddress, isWithin } from "./addresses.ts";

/** What may be reached: the open internet at the ports of the web, and what the operator names. */
export interface Allowance {
  /** True: the operator named this host, and every address and port of it may be reached. */
  isNamed(url: URL): boolean;
  /** Whether one resolved address may be connected to. */
  permits(address: string, port: number): boolean;
}

/** Where the web is served from. A host with any other is named by the operator. */
const WEB_PORTS = new Set([80, 443, 8080, 8443]);

/**
 * @param entries addresses and ranges (`10.0.0.0/8`), hosts (`minio.internal`), hosts with a port (`localhost:9000`),
 *   and all hosts below one (`*.svc.internal`)
 */
export function createAllowance(entries: readonly string[]): Allowance {
  const ranges: AddressRange[] = [];
  const hosts = new Set<string>();
  const suffixes: string[] = [];
  for (const entry of entries.map((text) => text.toLowerCase())) {
    const range = addressRange(entry);
    if (range !== undefined) ranges.push(range);
    else if (entry.startsWith("*.")) suffixes.push(entry.slice(1));
    else hosts.add(entry);
  }
  return {
    isNamed(url) {
      const host = plainHost(url);
      return (
        hosts.has(host) ||
        hosts.has(`${host}:${portOf(url)}`) ||
        suffixes.some((suffix) => host.endsWith(suffix) && host.length > suffix.length)
      );
    },
    permits(address, port) {
      const bytes = addressBytes(address);
      if (bytes === undefined) return false;
      if (ranges.some((range) => isWithin(range, bytes))) return true;
      return WEB_PORTS.has(port) && isPublicAddress(address);
    },
  };
}

/** Without brackets, and without the dot that ends a full name. */
export const plainHost = ({ hostname }: URL): string =>
  hostname.startsWith("[") ? hostname.slice(1, -1) : hostname.replace(/\.$/, "");

export const portOf = ({ port, protocol }: URL): number =>
  port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
