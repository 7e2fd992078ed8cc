import { isIP } from "node:net";
import { z } from "zod";

const HOST = /^(\*\.)?(?=[^/]*[a-z])[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i;
const HOST_AND_PORT = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+):([1-9]\d{0,4})$/i;

/** A host, a host with a port, all hosts below one, an address, or a range of them. */
export const allowedPlace = z
  .string()
  .refine(
    (text) => isRange(text) || HOST.test(text) || HOST_AND_PORT.test(text),
    "must be a host such as minio.internal, *.internal or localhost:9000, or an address or range such as 10.0.0.0/8",
  );

function isRange(text: string): boolean {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || rest.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
}
