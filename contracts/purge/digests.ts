/** So many digests are told apart, in at most 48 MiB; of more, a repeated one may pass for new. */
const TOLD_APART = 1_000_000;

const WORDS = 4;
/** Twice as many slots as digests at least: chains stay short. */
const FIRST_SLOTS = 2_048;

/** A set of the first 128 bits of digests, small enough for a list of a million keys. No two texts share those, by accident or on purpose. */
export class Digests {
  #slots = new Uint32Array(FIRST_SLOTS * WORDS);
  #size = 0;

  constructor(private readonly most = TOLD_APART) {}

  has(digest: Uint8Array): boolean {
    return this.#isAt(this.#find(this.#slots, wordsOf(digest)));
  }

  /** Whether it is new; from then on it is known, as far as there is room. */
  add(digest: Uint8Array): boolean {
    const words = wordsOf(digest);
    const at = this.#find(this.#slots, words);
    if (this.#isAt(at)) return false;
    if (this.#size >= this.most) return true;
    this.#slots.set(words, at);
    this.#size += 1;
    if (this.#size * 2 * WORDS > this.#slots.length) this.#grow();
    return true;
  }

  #isAt(at: number): boolean {
    return this.#slots[at] !== 0;
  }

  /** Where the words are, or would be. */
  #find(slots: Uint32Array, words: Uint32Array): number {
    const [first = 0, ...others] = words;
    const mask = slots.length / WORDS - 1;
    for (let slot = (others[0] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS;
      if (slots[at] === 0 || (slots[at] === first && others.every((word, index) => slots[at + 1 + index] === word)))
        return at;
    }
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    for (let at = 0; at < this.#slots.length; at += WORDS) {
      if (!this.#isAt(at)) continue;
      const words = this.#slots.subarray(at, at + WORDS);
      slots.set(words, this.#find(slots, words));
    }
    this.#slots = slots;
  }
}

/** The first of them is never 0, which marks a free slot. */
function wordsOf(digest: Uint8Array): Uint32Array {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  const words = Uint32Array.from({ length: WORDS }, (_, index) => view.getUint32(index * 4));
  words[0] = ((words[0] ?? 0) | 1) >>> 0;
  return words;
}
