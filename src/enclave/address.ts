/** The unit in which SGX adds memory to an enclave (SDM vol. 3D, EADD). */
export const pageSizeBytes = 0x1000n;

/** The start of the page that holds `address`. */
export function roundDownToPage(address: bigint): bigint {
  return address - (address % pageSizeBytes);
}

/** The first page boundary at or after `address`. */
export function roundUpToPage(address: bigint): bigint {
  return roundDownToPage(address + pageSizeBytes - 1n);
}

/** The highest of some addresses; zero if there is none. */
export function highestOf(addresses: readonly bigint[]): bigint {
  let highest = 0n;
  for (const address of addresses) if (address > highest) highest = address;
  return highest;
}

/** The lowest of some addresses; zero if there is none. */
export function lowestOf(addresses: readonly bigint[]): bigint {
  let lowest = addresses[0] ?? 0n;
  for (const address of addresses) if (address < lowest) lowest = address;
  return lowest;
}
