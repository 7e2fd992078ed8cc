const SIZE = /^(\d+(?:\.\d+)?)\s?(B|KB|MB|GB|KiB|MiB|GiB)$/;
const BYTES_OF_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `32MiB`, `1.5GB`, `512KiB` or a plain number of bytes; undefined when it is no size. */
export function parseByteSize(value: string | number): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const [, amount, unit] = SIZE.exec(value) ?? [];
  const factor = BYTES_OF_UNIT[unit ?? ""];
  return amount === undefined || factor === undefined ? undefined : Math.round(Number(amount) * factor);
}
