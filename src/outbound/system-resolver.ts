import { lookup } from "node:dns/promises";

/** All addresses that the system knows for a host: `/etc/hosts` and DNS, as every program on this machine has them. */
export async function systemResolve(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
