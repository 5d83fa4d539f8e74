import type { Work } from '../base/progress.ts';
import type { Reporter } from '../base/reporter.ts';
import type { BuildEvent } from '../store/engine/build/build-event.ts';

/** BuildKit's own preparations. */
const innerStep = /^(?:\[internal\] |copy \/workspace |exporting to image|\[auth\] )/;
const shownTitle = 100;

/** Shows a build while it runs: each step as it begins, and what it prints, a line at a time. */
export class BuildOutput {
  readonly #reporter: Reporter;
  readonly #work: Work;
  /** The beginnings of lines, by step. */
  readonly #pending = new Map<string, string>();

  constructor(reporter: Reporter, subject: string) {
    this.#reporter = reporter;
    this.#work = reporter.begin({ kind: 'build', verb: 'building', subject });
  }

  show(event: BuildEvent): void {
    switch (event.kind) {
      case 'step':
        this.#showStep(event.title, event.isCached);
        break;
      case 'output':
        this.#showOutput(event.key, event.text);
        break;
      case 'status':
        this.#work.note(event.text);
        break;
      case 'failed':
      case 'image':
        this.end();
    }
  }

  /** Shows what has not ended with a line; the build is over. */
  end(): void {
    for (const line of this.#pending.values()) if (line !== '') this.#reporter.say(`  ${line}`);
    this.#pending.clear();
    this.#work.end();
  }

  #showStep(title: string, isCached: boolean): void {
    if (innerStep.test(title)) {
      this.#reporter.detail(title);
      return;
    }
    const line = title.replace(/\s+/g, ' ');
    const short = line.length > shownTitle ? `${line.slice(0, shownTitle)}…` : line;
    this.#reporter.sayHeading(short, isCached ? ' (cached)' : '');
  }

  #showOutput(key: string, text: string): void {
    const lines = ((this.#pending.get(key) ?? '') + text).split('\n');
    this.#pending.set(key, lines.pop() ?? '');
    // A carriage return starts the line again: only what is last counts.
    for (const line of lines) this.#reporter.say(`  ${line.slice(line.lastIndexOf('\r') + 1)}`);
  }
}
