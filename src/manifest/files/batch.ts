/** Items that are worked on at the same time. */
const batchSize = 16;

/**
 * `work` on every item, several at a time, results in the order of the items. If some fail, the error of the first of
 * them in that order is thrown: the same input gives the same error.
 */
export async function mapInBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    const batch = items.slice(start, start + batchSize);
    const settled = await Promise.allSettled(batch.map(async (item, index) => work(item, start + index)));
    for (const outcome of settled) {
      if (outcome.status === 'rejected') throw outcome.reason;
      results.push(outcome.value);
    }
  }
  return results;
}
