/**
 * Delivers one ordering key's messages in order: what was handed out of a key must be acknowledged before more of
 * it is, and when one comes back, those after it come back too. Holds only the keys that wait for something; the
 * messages themselves stay on the disk.
 */

interface Key {
  /** Ids handed out and not acknowledged, ascending. */
  leased: Set<number>;
  /** The first id that waits to be handed out, when the reading has already gone past it. */
  resumeFrom?: number;
}

export class Ordering {
  readonly #keys = new Map<string, Key>();
  /** Keys of which nothing is handed out and something waits. */
  readonly #ready = new Set<string>();

  /** True when a message of this key must wait; it is then remembered as waiting. */
  mustWait(key: string, id: number): boolean {
    const state = this.#keys.get(key);
    if (!state) return false;
    if (state.resumeFrom === undefined) state.resumeFrom = id;
    return true;
  }

  /** A key that may go on, and the id to go on from. */
  nextReady(): { key: string; from: number } | undefined {
    for (const key of this.#ready) {
      const from = this.#keys.get(key)?.resumeFrom;
      if (from !== undefined) return { key, from };
    }
    return undefined;
  }

  /** `ids` of this key were handed out together; what is left of it waits from `resumeFrom` on. */
  lease(key: string, ids: readonly number[], resumeFrom?: number): void {
    this.#ready.delete(key);
    if (ids.length === 0 && resumeFrom === undefined) this.#keys.delete(key);
    else this.#keys.set(key, { leased: new Set(ids), ...(resumeFrom !== undefined && { resumeFrom }) });
  }

  acknowledge(key: string, id: number): void {
    const state = this.#keys.get(key);
    if (!state?.leased.delete(id)) return;
    this.#settle(key, state);
  }

  /** Message `id` comes back; gives the ids after it, which come back with it. */
  giveBack(key: string, id: number): number[] {
    const state = this.#keys.get(key);
    if (!state?.leased.delete(id)) return [];
    const later = [...state.leased].filter(each => each > id);
    for (const each of later) state.leased.delete(each);
    state.resumeFrom = Math.min(state.resumeFrom ?? id, id);
    this.#settle(key, state);
    return later;
  }

  #settle(key: string, state: Key): void {
    if (state.leased.size > 0) return;
    if (state.resumeFrom === undefined) this.#keys.delete(key);
    else this.#ready.add(key);
  }
}
