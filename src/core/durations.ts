const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const MS_OF_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `2s`, `500ms`, `5m`, `1.5h`, `30d` as whole milliseconds; undefined when it is not a length of time. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = DURATION.exec(text) ?? [];
  const factor = MS_OF_UNIT[unit ?? ""];
  return amount === undefined || factor === undefined ? undefined : Math.round(Number(amount) * factor);
}
