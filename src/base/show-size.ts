const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `12.3 MB`: decimal units, as registries and `docker images` count. */
export function showSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 99.5 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** `12,345`: the same in every locale. */
export function showCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 layer`, `12,345 layers`. */
export function showCounted(count: number, noun: string): string {
  return `${showCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `about 2.3 s`, `less than 0.1 s`. */
export function showSeconds(seconds: number): string {
  return seconds < 0.1 ? 'less than 0.1 s' : `about ${seconds.toFixed(1)} s`;
}
