/** Works on many things, some at a time, and gives the results in their order; throws the first error once all rest. */
export async function mapInParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let failure: { error: unknown } | undefined;
  const waiting = items.entries();
  const take = async () => {
    for (const [i, item] of waiting) {
      if (failure) return;
      await work(item).then(
        result => {
          results[i] = result;
        },
        error => {
          failure ??= { error };
        },
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, take));
  if (failure) throw (failure as { error: unknown }).error;
  return results;
}
