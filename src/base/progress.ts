/** What long work does; programs may rely on these words. */
export type WorkKind = 'ask' | 'export' | 'read' | 'store' | 'build' | 'fleet';

/** What long work is about, known when it begins. */
export interface WorkPlan {
  readonly kind: WorkKind;
  /** For people: `reading`. */
  readonly verb: string;
  /** For people: what the verb is done to. */
  readonly subject: string;
  /** What there is to move, in order; none for work that moves nothing. */
  readonly parts?: readonly WorkPart[];
  /** What a part is called, in the singular; parts without such a name are not counted for people. */
  readonly partNoun?: string;
}

/** A layer, for example. */
export interface WorkPart {
  readonly name: string;
  /** Undefined if it is not known beforehand. */
  readonly sizeBytes?: number;
}

/** Long work that has begun. Its methods cost a few instructions: they may be called for every piece of a stream. */
export interface Work {
  /** So many bytes of the part have been moved by now, from its beginning. */
  update(part: number, movedBytes: number): void;
  /** The part needs no more work; one of which nothing was moved was there already. */
  finish(part: number): void;
  /** What goes on at this moment, where that is not a matter of bytes. */
  note(text: string): void;
  /** The work is done, or has failed. */
  end(): void;
}

/** For receivers that show no progress. */
export const silentWork: Work = {
  update: () => undefined,
  finish: () => undefined,
  note: () => undefined,
  end: () => undefined,
};

/** Passes a stream on and says how much of it has passed. */
export async function* countedStream(
  source: AsyncIterable<Buffer>,
  work: Work,
  part: number,
): AsyncIterable<Buffer> {
  let movedBytes = 0;
  work.update(part, 0);
  for await (const piece of source) {
    movedBytes += piece.length;
    work.update(part, movedBytes);
    yield piece;
  }
  work.finish(part);
}
