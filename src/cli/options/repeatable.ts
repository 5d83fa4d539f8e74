/** For options that may be given several times: all values, in order. */
export function repeatable(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
