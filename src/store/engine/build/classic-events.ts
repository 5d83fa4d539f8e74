import { object, text } from '../../../json/shape.ts';
import { type BuildEvent, plainText, readLine } from './build-event.ts';

/** A line of the answer of the classic builder. Docker, pkg/jsonmessage; Podman has `error` as a text alone. */
const lineShape = object({
  stream: text,
  status: text,
  id: text,
  aux: object({ ID: text }),
  error: text,
  errorDetail: object({ message: text }),
});

/** `Step 3/12 : RUN make`, Podman's `STEP 3/12: RUN make` and, of several stages, `[1/2] STEP 3/12: RUN make`. */
const stepPattern = /^(?:\[\d+\/\d+\] )?step (\d+(?:\/\d+)?) ?: (.*)$/is;

/** Remarks of the builder itself between the output of the steps. */
const remarkPattern =
  /^(?: --->|Removing intermediate container |Successfully built |--> |(?:\[\d+\/\d+\] )?COMMIT\b|[0-9a-f]{64}$|$)/;

/** Follows the classic builder, which runs one step at a time. */
export class ClassicEvents {
  #step: string | undefined;

  /** The events of one line of the answer. Throws a RangeError if it is not such a line. */
  read(line: string): readonly BuildEvent[] {
    const { stream, status, id, aux, error, errorDetail } = readLine(line, lineShape);
    const said = errorDetail?.message || error;
    if (said) return [{ kind: 'failed', key: this.#step, said: plainText(said).trim() }];
    if (aux?.ID) return [{ kind: 'image', id: aux.ID }];
    if (stream) return this.#readStream(plainText(stream));
    return status ? [{ kind: 'status', text: id ? `${id}: ${status}` : status }] : [];
  }

  #readStream(text: string): readonly BuildEvent[] {
    const [, number, title] = stepPattern.exec(text.trim()) ?? [];
    if (number !== undefined && title !== undefined) {
      this.#step = number;
      return [{ kind: 'step', key: number, title: title.trim(), isCached: false }];
    }
    if (this.#step === undefined || remarkPattern.test(text.trimEnd())) return [];
    return [{ kind: 'output', key: this.#step, text }];
  }
}
