/**
 * Servers drop settings that they do not know without an error, so what they made is compared with what was asked for.
 * @throws Error that names every setting that differs
 */
export function requireSettings<Settings extends object>(
  what: string,
  wanted: Partial<Settings>,
  got: Settings,
): void {
  const differing = Object.entries(wanted)
    .filter(([name, value]) => got[name as keyof Settings] !== value)
    .map(([name, value]) => `${name} is ${String(got[name as keyof Settings])}, not ${String(value)}`);
  if (differing.length > 0)
    throw new Error(`NATS made the ${what} otherwise than it was asked for: ${differing.join("; ")}.`);
}
