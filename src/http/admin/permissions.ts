/** What an admin token can carry. `tenants:*` is all of one area, `admin:*` is everything. */
const AREAS = [
  "tenants",
  "keys",
  "vendors",
  "models",
  "nodes",
  "actors",
  "ledger",
  "usage",
  "tasks",
  "tokens",
] as const;
type Area = (typeof AREAS)[number];
/** What a call asks for. */
export type Permission = `${Area}:${"read" | "write"}`;

export const EVERYTHING = "admin:*";

/** Everything that may be written into a token. */
export const GRANTABLE: readonly string[] = [
  EVERYTHING,
  ...AREAS.flatMap((area) => [`${area}:*`, `${area}:read`, `${area}:write`]),
];

/** True when `held` is enough for `wanted`, which may itself be a wildcard. */
export function covers(held: readonly string[], wanted: string): boolean {
  const [area] = wanted.split(":");
  return held.some((one) => one === EVERYTHING || one === wanted || one === `${area}:*`);
}
