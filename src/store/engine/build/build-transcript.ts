import type { BuildEvent } from './build-event.ts';

/** How much of a failed step's output an error shows. */
const shownLines = 20;
/** Of a step that prints without end only its last part is kept. */
const keptCharacters = 16_384;

interface Step {
  readonly title: string;
  output: string;
}

/** What became of a build. */
export type BuildOutcome =
  | { readonly kind: 'built'; readonly images: readonly string[] }
  | {
      readonly kind: 'failed';
      readonly said: string;
      /** The instruction that failed; undefined if none had begun. */
      readonly step: string | undefined;
      /** The last lines of what it printed. */
      readonly lastLines: readonly string[];
    };

/** Keeps of a build's events what tells how it ended. */
export class BuildTranscript {
  readonly #steps = new Map<string, Step>();
  readonly #images: string[] = [];
  #failure: (BuildEvent & { readonly kind: 'failed' }) | undefined;

  add(event: BuildEvent): void {
    switch (event.kind) {
      case 'step':
        this.#steps.set(event.key, { title: event.title, output: '' });
        break;
      case 'output':
        this.#addOutput(event.key, event.text);
        break;
      case 'image':
        this.#images.push(event.id);
        break;
      case 'failed':
        this.#failure ??= event;
        break;
      case 'status':
        break;
    }
  }

  outcome(): BuildOutcome {
    if (this.#failure === undefined) return { kind: 'built', images: this.#images };
    const { key, said } = this.#failure;
    const step = key === undefined ? undefined : this.#steps.get(key);
    const lines = (step?.output ?? '').split('\n').filter((line) => line.trim() !== '');
    return { kind: 'failed', said, step: step?.title, lastLines: lines.slice(-shownLines) };
  }

  #addOutput(key: string, text: string): void {
    const step = this.#steps.get(key);
    if (step) step.output = (step.output + text).slice(-keptCharacters);
  }
}
